//! Runs `etcdctl` and `etcd`, and makes of what they print what two runs have in common.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(150);

/// What a step of the script came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The command.
    pub(crate) step: String,
    /// Its exit code; none where it was ended by a signal.
    pub(crate) code: Option<i32>,
    /// Its output, both kinds.
    pub(crate) output: String,
}

/// Whether a program can be run.
pub(crate) fn is_there(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--help")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok()
}

/// A word with spaces stands in single quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in line.split('\'').enumerate() {
        match i % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

fn command(endpoints: &[String], step: &str) -> Command {
    let mut command = Command::new("etcdctl");
    command
        .args(words(step))
        .env("ETCDCTL_API", "3")
        .env("ETCDCTL_ENDPOINTS", endpoints.join(","));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub(crate) fn etcdctl(endpoints: &[String], step: &str, stdin: &str) -> Told {
    let mut child = Ended(command(endpoints, step).spawn().unwrap());
    child
        .0
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    let output = child.reader();
    let code = child.wait();
    Told {
        step: step.to_owned(),
        code,
        output: output(),
    }
}

/// Runs a command that does not end by itself until it has printed so many lines; then it is told to end. SIGTERM does that also
/// where a shell in the background has SIGINT ignored.
pub(crate) fn etcdctl_until(endpoints: &[String], step: &str, lines: usize) -> Told {
    let mut child = Ended(command(endpoints, step).spawn().unwrap());
    let stdin = child.0.stdin.take();
    let (sender, received) = mpsc::channel();
    let stdout = BufReader::new(child.0.stdout.take().unwrap());
    thread::spawn(move || {
        stdout
            .lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    let end = Instant::now() + TIMEOUT;
    let mut output = Vec::new();
    while output.len() < lines {
        match received.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => output.push(line),
            Err(_) => break,
        }
    }
    kill_process(Pid::from_child(&child.0), Signal::TERM).unwrap();
    let code = child.wait();
    drop(stdin);
    // What an interrupted command has to say last depends on where it was.
    Told {
        step: step.to_owned(),
        code,
        output: output.join("\n"),
    }
}

/// Begins a command that goes on until this is dropped.
pub(crate) fn begin(endpoints: &[String], step: &str) -> Ended {
    Ended(
        command(endpoints, step)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    )
}

/// A process that is killed when this is dropped.
pub(crate) struct Ended(Child);

impl Ended {
    /// Reads both outputs meanwhile.
    fn reader(&mut self) -> impl FnOnce() -> String + use<> {
        let (mut stdout, mut stderr) =
            (self.0.stdout.take().unwrap(), self.0.stderr.take().unwrap());
        let errors = thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).unwrap();
            text
        });
        let output = thread::spawn(move || {
            let mut text = Vec::new();
            stdout.read_to_end(&mut text).unwrap();
            text
        });
        move || {
            let text = [output.join().unwrap(), errors.join().unwrap()].concat();
            String::from_utf8_lossy(&text).into_owned()
        }
    }

    fn wait(&mut self) -> Option<i32> {
        let end = Instant::now() + TIMEOUT;
        while Instant::now() < end {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(5));
        }
        self.0.kill().unwrap();
        panic!("a command did not end within {TIMEOUT:?}");
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Debian's etcd, three members.
pub(crate) struct Etcd(
    #[allow(dead_code, reason = "they are killed when it is dropped")] Vec<Ended>,
);

impl Etcd {
    pub(crate) fn start(dir: &Path, clients: &[String], peers: &[String]) -> Etcd {
        std::fs::create_dir_all(dir).unwrap();
        let all: Vec<String> = peers
            .iter()
            .enumerate()
            .map(|(i, peer)| format!("m{}={peer}", i + 1))
            .collect();
        let members = (0..peers.len()).map(|i| {
            let name = format!("m{}", i + 1);
            let mut etcd = Command::new("etcd");
            etcd.args(["--name", &name, "--data-dir"])
                .arg(dir.join(&name));
            etcd.args([
                "--listen-client-urls",
                &clients[i],
                "--advertise-client-urls",
                &clients[i],
            ]);
            etcd.args([
                "--listen-peer-urls",
                &peers[i],
                "--initial-advertise-peer-urls",
                &peers[i],
            ]);
            etcd.args(["--initial-cluster", &all.join(",")]);
            let log = File::create(dir.join(format!("{name}.log"))).unwrap();
            Ended(
                etcd.stdin(Stdio::null())
                    .stdout(log.try_clone().unwrap())
                    .stderr(log)
                    .spawn()
                    .unwrap(),
            )
        });
        Etcd(members.collect())
    }
}

/// What differs between two runs, by what it is called in the script: `{lease}` and the like.
pub(crate) type Names = BTreeMap<String, String>;

/// Puts the script's names where values are that no two runs have in common.
pub(crate) fn normalised(text: &str, names: &Names) -> String {
    let mut text = text.to_owned();
    for (name, value) in names {
        text = text.replace(value.as_str(), &format!("{{{name}}}"));
    }
    let mut lines: Vec<String> = text.lines().map(normalised_line).collect();
    lines.retain(|line| !line.is_empty());
    lines.join("\n")
}

fn normalised_line(line: &str) -> String {
    // etcdctl's own log: what counts is the error in it.
    if line.starts_with("{\"level\"") {
        let log: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        return log["error"]
            .as_str()
            .map_or(String::new(), |error| format!("log: {error}"));
    }
    // Which member answered is chance.
    if line.starts_with("\"MemberID\"") {
        return "\"MemberID\" : …".to_owned();
    }
    // In the order of ids, of which a new one is drawn.
    if let Some(members) = line.strip_prefix("ETCD_INITIAL_CLUSTER=") {
        let mut members: Vec<&str> = members.trim_matches('"').split(',').collect();
        members.sort_unstable();
        return format!("ETCD_INITIAL_CLUSTER={}", members.join(","));
    }
    let mut line = line.to_owned();
    // Ids are padded to 16 digits.
    if line.starts_with("Member ") {
        line = line.replace("  ", " ");
    }
    // etcd names them in any order.
    if let Some((head, keys)) = line.split_once("attached keys([") {
        let mut keys: Vec<&str> = keys.trim_end_matches("])").split(' ').collect();
        keys.sort_unstable();
        line = format!("{head}attached keys([{}])", keys.join(" "));
    }
    for (before, after) in [("took = ", ""), ("remaining(", "s)")] {
        if let Some((head, tail)) = line.split_once(before) {
            let rest = tail
                .split_once(after)
                .filter(|_| !after.is_empty())
                .map_or("", |(_, rest)| rest);
            line = format!("{head}{before}…{after}{rest}");
        }
    }
    line
}
