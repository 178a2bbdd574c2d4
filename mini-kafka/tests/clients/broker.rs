//! A broker process, and the clients that are run against it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// No test waits longer for anything.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// The program under test: this package's own, or the one that `cargo course grade` names.
fn program() -> PathBuf {
    let named = std::env::var_os("FAULTLINE_PROGRAM");
    named.map_or_else(|| env!("CARGO_BIN_EXE_mini-kafka").into(), PathBuf::from)
}

pub(crate) struct Broker {
    dir: TempDir,
    overrides: Vec<String>,
    /// Variables of its environment.
    environment: Vec<(String, String)>,
    child: Option<Child>,
    pub(crate) address: String,
    /// Where Prometheus reads.
    http: String,
    /// Where orders are taken to break its disk.
    chaos: String,
}

impl Broker {
    pub(crate) fn start(overrides: &[&str]) -> Broker {
        Broker::start_in(&[], overrides)
    }

    /// With these variables in its environment.
    pub(crate) fn start_in(environment: &[(&str, &str)], overrides: &[&str]) -> Broker {
        let variables = environment.iter();
        let mut broker = Broker {
            dir: tempfile::tempdir().unwrap(),
            overrides: overrides.iter().map(|o| (*o).to_owned()).collect(),
            environment: variables
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            child: None,
            address: "127.0.0.1:0".to_owned(),
            http: String::new(),
            chaos: String::new(),
        };
        broker.restart();
        broker
    }

    /// Starts it, at the address that it had.
    pub(crate) fn restart(&mut self) {
        let log = self.dir.path().join("stderr");
        let log = File::options().create(true).append(true).open(log);
        let mut command = Command::new(program());
        command.args(["server", "--exit-with-stdin", "--chaos", "127.0.0.1:0"]);
        command.args(["--http", "127.0.0.1:0"]);
        let fixed = [
            format!("listeners=PLAINTEXT://{}", self.address),
            format!("log.dirs={}", self.log_dir().display()),
            "group.initial.rebalance.delay.ms=0".to_owned(),
            "offsets.topic.num.partitions=3".to_owned(),
        ];
        for setting in fixed.iter().chain(&self.overrides) {
            command.args(["--override", setting]);
        }
        command.env("RUST_LOG", "warn");
        command.envs(self.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(log.unwrap());
        let mut child = command.spawn().unwrap();
        let mut ready = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut ready).unwrap();
        self.child = Some(child);
        let ready: Value = serde_json::from_str(&ready)
            .unwrap_or_else(|_| panic!("the broker does not start: {}", self.said()));
        let address = |name: &str| ready[name].as_str().unwrap().to_owned();
        (self.address, self.chaos) = (address("kafka"), address("chaos"));
        self.http = address("http");
    }

    /// From now on this is wrong with its disk: `full=0`, `fail=syncs`, or nothing.
    pub(crate) fn order(&self, fault: &str) {
        let len = fault.len();
        let form = "Content-Type: application/x-www-form-urlencoded";
        let order = format!("PUT /chaos HTTP/1.1\r\n{form}\r\nContent-Length: {len}\r\n");
        ask(&self.chaos, &order, fault);
    }

    /// What Prometheus reads.
    pub(crate) fn metrics(&self) -> String {
        ask(&self.http, "GET /metrics HTTP/1.1\r\n", "")
    }

    /// What people read.
    pub(crate) fn page(&self) -> String {
        ask(&self.http, "GET / HTTP/1.1\r\n", "")
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Where its topics are.
    pub(crate) fn log_dir(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// What it has said so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.dir.path().join("stderr")).unwrap()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Runs a tool of ours; what it printed.
    pub(crate) fn tool(&self, args: &[&str]) -> String {
        output(&mut self.command(args))
    }

    /// A tool of ours, to be run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .env("MINI_KAFKA_BOOTSTRAP_SERVER", &self.address);
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        let said = self.said();
        if thread::panicking() {
            eprintln!("the broker at {} said:\n{said}", self.address);
        } else {
            assert!(!said.contains("panicked at"), "the broker: {said}");
        }
    }
}

/// Asks something over HTTP, which must be granted; the answer.
fn ask(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let rest = format!("Host: {address}\r\nConnection: close\r\n\r\n{body}");
    stream
        .write_all((head.to_owned() + &rest).as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{head}{body}: {answer}");
    answer
}

/// Runs a command to its end, which must be a good one; what it printed.
pub(crate) fn output(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    assert!(done.status.success(), "{command:?}\n{out}\n{err}");
    out.into_owned()
}

/// A client that is not there: said past the harness, which keeps what a test prints that is ok. In CI, and where somebody is graded, it
/// has to be there.
fn missing(what: &str) {
    let text = format!("{what} is not installed: see mini-kafka/tests/clients/main.rs");
    let is_needed = ["CI", "FAULTLINE_PROGRAM"].map(std::env::var_os);
    assert!(is_needed.iter().all(Option::is_none), "{text}");
    let line = format!("NOT TESTED: {text}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// kcat, if it is there.
pub(crate) fn kcat() -> Option<Command> {
    let found = Command::new("kcat").arg("-V").output().is_ok();
    if !found {
        missing("kcat");
        return None;
    }
    // So that nothing hangs: kcat itself waits for ever.
    let mut command = Command::new("timeout");
    command.args([&DEADLINE.as_secs().to_string(), "kcat"]);
    Some(command)
}

/// Where Python's clients are: in `clients` beside the profile's directory, or where the environment says.
fn python() -> PathBuf {
    let named = std::env::var_os("MINI_KAFKA_CLIENTS").map(PathBuf::from);
    let target = Path::new(env!("CARGO_BIN_EXE_mini-kafka"))
        .ancestors()
        .nth(2);
    named
        .unwrap_or_else(|| target.unwrap().join("clients"))
        .join("bin/python")
}

/// Python with a script whose first argument is the broker's address, if the module that it needs is there.
pub(crate) fn script(module: &str, text: &str, address: &str) -> Option<Command> {
    let python = python();
    let found = Command::new(&python)
        .args(["-c", &format!("import {module}")])
        .output();
    if !found.is_ok_and(|done| done.status.success()) {
        missing(module);
        return None;
    }
    let mut command = Command::new("timeout");
    command.arg(DEADLINE.as_secs().to_string()).arg(python);
    command.args(["-u", "-c", text, address]);
    Some(command)
}

/// Runs a script, which prints `done` in the end, with these arguments behind the address of a broker of its own.
pub(crate) fn run(module: &str, text: &str, args: &[&str], overrides: &[&str]) {
    let broker = Broker::start(overrides);
    if let Some(mut command) = script(module, text, &broker.address) {
        let said = output(command.args(args));
        assert!(said.trim_end().ends_with("done"), "{said}");
    }
}
