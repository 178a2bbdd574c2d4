//! A lab as a process of its own, and what a program that has its token asks of its page.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sim::patch;
use tempfile::TempDir;

pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A lab that keeps its files where a test can look for them.
pub(crate) struct Lab {
    pub(crate) child: Child,
    /// What it said about itself when it was ready.
    pub(crate) said: String,
    pub(crate) host: String,
    pub(crate) token: String,
    pub(crate) tmp: TempDir,
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Its reaper ends the nodes.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lab {
    /// A lab that is ready.
    pub(crate) fn start(args: &[&str]) -> Lab {
        let tmp = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(args)
            .env("TMPDIR", tmp.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.ends_with("Ctrl-C ends everything.\n") {
            let len = stdout.read_line(&mut said).unwrap();
            assert!(len > 0, "the lab has ended: {said}");
        }
        // Somebody has to read the rest.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let address = said.lines().find_map(|line| line.split_once("http://"));
        let (host, token) = address
            .and_then(|(_, address)| address.split_once("/?token="))
            .unwrap_or_default();
        Lab {
            host: host.to_owned(),
            token: token.to_owned(),
            child,
            said,
            tmp,
        }
    }

    /// Asks for `what`, a method and a path, as a program that has the token does. Returns the status and the body of the answer.
    pub(crate) fn call(&self, what: &str, body: &str) -> (u16, String) {
        let right = ("X-Lab-Token", self.token.as_str());
        let json = ("Content-Type", "application/json");
        let headers = [right, json];
        let headers = &headers[..if body.is_empty() { 1 } else { 2 }];
        let (status, mut answer) = exchange(&self.host, what, headers, body);
        let mut text = String::new();
        answer.read_to_string(&mut text).unwrap();
        let body = text.split_once("\r\n\r\n").unwrap_or_default().1;
        (status, body.to_owned())
    }

    /// As [`Lab::call`], for what must succeed. Returns the body of the answer.
    pub(crate) fn ask(&self, what: &str, body: &str) -> String {
        let (status, answer) = self.call(what, body);
        assert!((200..300).contains(&status), "{what}: {status} {answer}");
        answer
    }

    /// Orders something, which must succeed.
    pub(crate) fn post(&self, path: &str, body: &Value) {
        self.ask(&format!("POST {path}"), &body.to_string());
    }

    /// The records of the run so far.
    pub(crate) fn trace(&self) -> Vec<Value> {
        let trace = self.ask("GET /api/trace", "");
        let lines = trace
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    /// The state document as it is now.
    pub(crate) fn state(&self) -> Value {
        let mut state = json!({});
        for record in self.trace() {
            if record["kind"] == "state" {
                patch::apply(&mut state, &record["patch"]);
            }
        }
        state
    }

    /// Waits until the state document is as `holds` says.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let end = Instant::now() + DEADLINE;
        loop {
            let state = self.state();
            if holds(&state) {
                return;
            }
            assert!(
                Instant::now() < end,
                "waited in vain until {what}: {state:#}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Asks `host` for `what`, a method and a path. Returns the status of the answer, and its rest to read.
pub(crate) fn exchange(
    host: &str,
    what: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, TcpStream) {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // The old version of HTTP, so that an answer comes in one piece.
    let mut request = format!("{what} HTTP/1.0\r\n");
    request += &format!("Content-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "Host") {
        request += &format!("Host: {host}\r\n");
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let request = format!("{request}\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    let status = String::from_utf8_lossy(&answer[9..]).parse().unwrap();
    (status, stream)
}
