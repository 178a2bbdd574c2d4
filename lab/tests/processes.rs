//! The lab as a process: who may use its page, what is left of it when it ends, and its scenes.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

mod left;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mini_hdfs::server::dfs_client::{ClientSettings, DfsClient};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sim::What;
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(60);

/// A lab that keeps its files where this test can look for them.
struct Lab {
    child: Child,
    /// What it said about itself when it was ready.
    said: String,
    host: String,
    token: String,
    tmp: TempDir,
}

impl Lab {
    /// A small cluster with its page.
    fn start() -> Lab {
        Lab::start_with(&["--no-browser", "--datanodes", "2", "--racks", "2"])
    }

    fn start_with(args: &[&str]) -> Lab {
        let tmp = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(args)
            .env("TMPDIR", tmp.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        for line in lines {
            said += &(line.unwrap() + "\n");
            if said.ends_with("Ctrl-C ends everything.\n") {
                break;
            }
        }
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

    /// Sends a request with these headers; returns the status of the answer.
    fn request(&self, what: &str, headers: &[(&str, &str)]) -> u16 {
        self.exchange(what, headers, "").0
    }

    /// As a program that has the token does.
    fn call(&self, what: &str, body: &str) -> (u16, String) {
        let right = ("X-Lab-Token", self.token.as_str());
        let json = ("Content-Type", "application/json");
        let headers = [right, json];
        let headers = &headers[..if body.is_empty() { 1 } else { 2 }];
        let (status, mut answer) = self.exchange(what, headers, body);
        let mut text = String::new();
        answer.read_to_string(&mut text).unwrap();
        let body = text.split_once("\r\n\r\n").unwrap_or_default().1;
        (status, body.to_owned())
    }

    fn exchange(&self, what: &str, headers: &[(&str, &str)], body: &str) -> (u16, TcpStream) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        // The old version of HTTP, so that an answer comes in one piece.
        let mut request = format!("{what} HTTP/1.0\r\n");
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
        let status = String::from_utf8_lossy(&answer[9..]).parse().unwrap();
        (status, stream)
    }

    /// The run so far.
    fn trace(&self) -> Vec<What> {
        let (status, text) = self.call("GET /api/trace", "");
        assert_eq!(status, 200, "{text}");
        let records = sim::parse_trace(&text).unwrap();
        records.into_iter().map(|record| record.what).collect()
    }

    /// Waits until the state document is as `holds` says.
    fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let end = Instant::now() + DEADLINE;
        loop {
            let mut state = Value::Null;
            for what in self.trace() {
                if let What::State { patch } = what {
                    sim::patch::apply(&mut state, &patch);
                }
            }
            if holds(&state) {
                return;
            }
            assert!(Instant::now() < end, "{what}: {:#}", state["scene"]);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Does a deed to dn1.
    fn deed(&self, deed: &str, headers: &[(&str, &str)]) -> u16 {
        let json = ("Content-Type", "application/json");
        let headers: Vec<_> = headers.iter().copied().chain([json]).collect();
        let body = r#"{"node":"dn1"}"#;
        self.exchange(&format!("POST /api/deeds/{deed}"), &headers, body)
            .0
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn expect_nothing_left(&mut self) {
        left::expect_nothing(&mut self.child, self.tmp.path());
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

#[test]
fn a_cluster_without_a_page_says_how_to_reach_it() {
    let mut lab = Lab::start_with(&["up", "hdfs", "--datanodes", "2", "--racks", "2"]);
    let (_, namenode) = lab.said.split_once("MINI_HDFS_NAMENODE=").unwrap();
    let namenode = namenode.lines().next().unwrap();
    let settings = ClientSettings::new(namenode, "test");
    let client = DfsClient::connect(settings).unwrap();
    let end = Instant::now() + DEADLINE;
    while client.status().unwrap().live_datanodes < 2 {
        assert!(Instant::now() < end, "{}", lab.said);
        std::thread::sleep(Duration::from_millis(50));
    }
    lab.signal(Signal::INT);
    lab.expect_nothing_left();
}

#[test]
fn a_run_is_saved_and_shown_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("run.jsonl");
    let trace = ["--trace", file.to_str().unwrap()];
    let mut lab = Lab::start_with(&[&["--no-browser", "--datanodes", "2"], &trace[..]].concat());
    let right = ("X-Lab-Token", lab.token.as_str());
    assert_eq!(lab.deed("kill", &[right]), 204);
    let is_crash = |what: &What| matches!(what, What::Crash { .. });
    assert!(lab.trace().iter().any(is_crash));
    let (_, so_far) = lab.call("GET /api/trace", "");
    lab.signal(Signal::TERM);
    lab.expect_nothing_left();
    let trace = std::fs::read_to_string(&file).unwrap();
    assert!(trace.starts_with(&so_far), "{so_far}\n\n{trace}");

    let mut shown = Lab::start_with(&["replay", file.to_str().unwrap(), "--no-browser"]);
    assert_eq!(shown.call("GET /api/trace", ""), (200, trace));
    let (_, system) = shown.call("GET /api/system", "");
    assert!(system.contains(r#""replay":true"#), "{system}");
    // Nothing runs that anything could be done to.
    let right = ("X-Lab-Token", shown.token.as_str());
    assert_eq!(shown.deed("kill", &[right]), 409);
    assert_eq!(shown.call("POST /api/open", "").0, 409);
    shown.signal(Signal::TERM);
    shown.expect_nothing_left();
}

#[test]
fn a_scene_is_played_on_the_page_a_step_at_a_time() {
    let mut lab = Lab::start();
    let scene = "POST /api/scenes/hdfs%2Fkill-two";
    assert_eq!(lab.call(scene, r#"{"mode":"step"}"#).0, 204);
    let waits = |step| {
        move |state: &Value| state["scene"]["step"] == step && state["scene"]["waiting"] == true
    };
    lab.until("the first step waits", waits(1));
    assert_eq!(lab.call("POST /api/scene/step", "").0, 204);
    lab.until("the second step waits", waits(2));
    assert_eq!(lab.call("POST /api/scene/run", "").0, 204);
    lab.until("it ends well", |state| {
        state["scene"]["result"]["ok"] == true
    });
    assert_eq!(lab.call("POST /api/scene/step", "").0, 409);
    // The cluster of the beginning comes back, and of six nodes two are left.
    assert_eq!(lab.call("POST /api/open", "").0, 204);
    lab.until("all are there", |state| {
        state["nodes"]["dn2"]["process"] == "up"
    });
    lab.until("no more are there", |state| {
        state["nodes"].get("dn3").is_none()
    });
    assert_eq!(lab.call("POST /api/scenes/no-such-scene", "{}").0, 409);
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
fn scene_balancer() {
    play("hdfs/balancer");
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
fn scene_decommission() {
    play("hdfs/decommission");
}

#[test]
fn scene_paused_datanode() {
    play("hdfs/paused-datanode");
}

#[test]
fn scene_slow_datanode() {
    play("hdfs/slow-datanode");
}

#[test]
fn a_scene_that_is_not_there_is_refused_with_the_names_of_those_that_are() {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    let played = lab.args(["scene", "hdfs/no-such-thing"]).output().unwrap();
    assert!(!played.status.success());
    let said = String::from_utf8_lossy(&played.stderr);
    assert!(said.contains("hdfs/kill-datanode"), "{said}");
}
