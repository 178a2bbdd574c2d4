//! The lab as a process: who may use its page, what is left of it when it ends, and its scenes.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(60);

/// A lab with its page, which keeps its files where this test can look for them.
struct Lab {
    child: Child,
    host: String,
    token: String,
    tmp: TempDir,
}

impl Lab {
    fn start() -> Lab {
        let tmp = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(["--no-browser", "--datanodes", "2", "--racks", "2"])
            .env("TMPDIR", tmp.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let address = line.trim_end().split_once("http://").unwrap().1;
        let (host, token) = address.split_once("/?token=").unwrap();
        Lab {
            child,
            host: host.to_owned(),
            token: token.to_owned(),
            tmp,
        }
    }

    fn request(&self, what: &str, headers: &[(&str, &str)]) -> u16 {
        self.request_with(what, headers, "")
    }

    /// Sends a request with these headers; returns the status of the answer.
    fn request_with(&self, what: &str, headers: &[(&str, &str)], body: &str) -> u16 {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let (method, path) = what.split_once(' ').unwrap();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut request = format!("{method} {path}?{query} HTTP/1.1\r\nConnection: close\r\n");
        request += &format!("Content-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "Host") {
            request += &format!("Host: {}\r\n", self.host);
        }
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        let request = format!("{request}\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[9..]).parse().unwrap()
    }

    /// Does a deed to dn1.
    fn deed(&self, deed: &str, headers: &[(&str, &str)]) -> u16 {
        let json = ("Content-Type", "application/json");
        let headers: Vec<_> = headers.iter().copied().chain([json]).collect();
        let body = r#"{"node":"dn1"}"#;
        self.request_with(&format!("POST /api/deeds/{deed}"), &headers, body)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until neither a process nor a file of the lab is there any more.
    fn expect_nothing_left(&mut self) {
        self.child.wait().unwrap();
        let dir = self.tmp.path().display().to_string();
        let end = Instant::now() + DEADLINE;
        loop {
            let listed = Command::new("ps")
                .args(["-A", "-o", "args"])
                .output()
                .unwrap();
            let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
            let processes: Vec<&str> = listed.lines().filter(|args| args.contains(&dir)).collect();
            let files = std::fs::read_dir(self.tmp.path()).unwrap().count();
            if processes.is_empty() && files == 0 {
                return;
            }
            let left = format!("left behind: {processes:#?}, {files} directories");
            assert!(Instant::now() < end, "{left}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn nothing_is_left_behind_however_the_lab_ends() {
    let ends = [Signal::INT, Signal::TERM, Signal::HUP, Signal::KILL];
    for end in ends {
        let mut lab = Lab::start();
        // What is stopped cannot notice that the lab is gone.
        let right = ("X-Lab-Token", lab.token.as_str());
        assert_eq!(lab.deed("pause", &[right]), 204);
        lab.signal(end);
        lab.expect_nothing_left();
    }
}

#[test]
fn only_who_has_the_token_and_comes_from_the_page_may_use_it() {
    let mut lab = Lab::start();
    let token = lab.token.clone();
    let right = ("X-Lab-Token", token.as_str());
    assert_eq!(lab.request("GET /", &[]), 200);
    assert_eq!(lab.request("GET /", &[("Host", "evil.example")]), 403);
    for api in ["stream", "trace", "system", "hdfs/files?path=/a"] {
        let api = format!("GET /api/{api}");
        assert_eq!(lab.request(&api, &[]), 403);
        assert_eq!(lab.request(&api, &[("X-Lab-Token", "guess")]), 403);
    }
    assert_eq!(lab.request("GET /api/stream?token=guess", &[]), 403);
    let stream = format!("GET /api/stream?token={token}");
    assert_eq!(lab.request(&stream, &[]), 200);
    assert_eq!(lab.deed("kill", &[]), 403);
    assert_eq!(lab.deed(&format!("kill?token={token}"), &[]), 403);
    assert_eq!(lab.deed("kill", &[("X-Lab-Token", "guess")]), 403);
    let elsewhere = ("Origin", "http://evil.example");
    assert_eq!(lab.deed("kill", &[right, elsewhere]), 403);
    assert_eq!(lab.deed("kill", &[right, ("Origin", "null")]), 403);
    assert_eq!(lab.deed("kill", &[right, ("Host", "evil.example")]), 403);
    let ours = format!("http://{}", lab.host);
    assert_eq!(lab.deed("kill", &[right, ("Origin", &ours)]), 204);
    // It does not run any more, and says so.
    assert_eq!(lab.deed("kill", &[right]), 409);
    assert_eq!(lab.deed("no-such-deed", &[right]), 409);
    lab.signal(Signal::TERM);
    lab.expect_nothing_left();
}

fn play(scene: &str) {
    let dir = tempfile::tempdir().unwrap();
    let played = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["scene", scene, "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&played.stdout);
    let failed = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{told}\n{failed}");
    assert!(told.contains("every expectation was met"), "{told}");
}

#[test]
fn scene_kill_datanode() {
    play("hdfs/kill-datanode");
}

#[test]
fn scene_kill_two() {
    play("hdfs/kill-two");
}

#[test]
fn scene_replace_datanode() {
    play("hdfs/replace-datanode");
}

/// A short one. The long ones are a person's: `lab torture hdfs --minutes 10`.
#[test]
fn a_short_torture_of_hdfs_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let tortured = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["torture", "hdfs", "--kills", "20", "--dir"])
        .arg(dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&tortured.stdout);
    let failed = String::from_utf8_lossy(&tortured.stderr);
    if !tortured.status.success() {
        // What there is to look at stays.
        let dir = dir.keep();
        panic!("{told}\n{failed}\nsee {}", dir.display());
    }
    let end = "everything that was acknowledged is there";
    assert!(told.contains(end), "{told}");
}

#[test]
fn scene_restart_namenode() {
    play("hdfs/restart-namenode");
}

#[test]
fn scene_cut_off_rack() {
    play("hdfs/cut-off-rack");
}

#[test]
fn scene_bit_rot() {
    play("hdfs/bit-rot");
}

#[test]
fn scene_dead_writer() {
    play("hdfs/dead-writer");
}

#[test]
fn a_scene_that_is_not_there_is_refused_with_the_names_of_those_that_are() {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    let played = lab.args(["scene", "hdfs/no-such-thing"]).output().unwrap();
    assert!(!played.status.success());
    let said = String::from_utf8_lossy(&played.stderr);
    assert!(said.contains("hdfs/kill-datanode"), "{said}");
}
