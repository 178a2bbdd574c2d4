//! The lab as a process: who may use its page, what is left of it when it ends, and its scenes.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

#[allow(dead_code, reason = "each test needs a part of it")]
mod lab;
mod left;

use std::process::Command;
use std::time::{Duration, Instant};

use mini_hdfs::server::dfs_client::{ClientSettings, DfsClient};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::lab::{DEADLINE, Lab, exchange};

/// A small cluster with its page.
fn start() -> Lab {
    Lab::start(&["--no-browser", "--datanodes", "2", "--racks", "2"])
}

/// Sends a request with these headers; returns the status of the answer.
fn request(lab: &Lab, what: &str, headers: &[(&str, &str)]) -> u16 {
    exchange(&lab.host, what, headers, "").0
}

/// Does a deed to dn1.
fn deed(lab: &Lab, deed: &str, headers: &[(&str, &str)]) -> u16 {
    let json = ("Content-Type", "application/json");
    let headers: Vec<_> = headers.iter().copied().chain([json]).collect();
    let what = format!("POST /api/deeds/{deed}");
    exchange(&lab.host, &what, &headers, r#"{"node":"dn1"}"#).0
}

/// Sends the lab a signal, and waits until nothing is left of it.
fn end(mut lab: Lab, signal: Signal) {
    kill_process(Pid::from_child(&lab.child), signal).unwrap();
    left::expect_nothing(&mut lab.child, lab.tmp.path());
}

#[test]
fn nothing_is_left_behind_however_the_lab_ends() {
    let ends = [Signal::INT, Signal::TERM, Signal::HUP, Signal::KILL];
    for signal in ends {
        let lab = start();
        // What is stopped cannot notice that the lab is gone.
        let right = ("X-Lab-Token", lab.token.as_str());
        assert_eq!(deed(&lab, "pause", &[right]), 204);
        end(lab, signal);
    }
}

#[test]
fn only_who_has_the_token_and_comes_from_the_page_may_use_it() {
    let lab = start();
    let token = lab.token.clone();
    let right = ("X-Lab-Token", token.as_str());
    assert_eq!(request(&lab, "GET /", &[]), 200);
    assert_eq!(request(&lab, "GET /", &[("Host", "evil.example")]), 403);
    for api in ["stream", "trace", "system", "hdfs/files?path=/a"] {
        let api = format!("GET /api/{api}");
        assert_eq!(request(&lab, &api, &[]), 403);
        assert_eq!(request(&lab, &api, &[("X-Lab-Token", "guess")]), 403);
    }
    assert_eq!(request(&lab, "GET /api/stream?token=guess", &[]), 403);
    let stream = format!("GET /api/stream?token={token}");
    assert_eq!(request(&lab, &stream, &[]), 200);
    assert_eq!(deed(&lab, "kill", &[]), 403);
    assert_eq!(deed(&lab, &format!("kill?token={token}"), &[]), 403);
    assert_eq!(deed(&lab, "kill", &[("X-Lab-Token", "guess")]), 403);
    let elsewhere = ("Origin", "http://evil.example");
    assert_eq!(deed(&lab, "kill", &[right, elsewhere]), 403);
    assert_eq!(deed(&lab, "kill", &[right, ("Origin", "null")]), 403);
    assert_eq!(deed(&lab, "kill", &[right, ("Host", "evil.example")]), 403);
    let ours = format!("http://{}", lab.host);
    assert_eq!(deed(&lab, "kill", &[right, ("Origin", &ours)]), 204);
    // It does not run any more, and says so.
    assert_eq!(deed(&lab, "kill", &[right]), 409);
    assert_eq!(deed(&lab, "no-such-deed", &[right]), 409);
    end(lab, Signal::TERM);
}

#[test]
fn a_cluster_without_a_page_says_how_to_reach_it() {
    let lab = Lab::start(&["up", "hdfs", "--datanodes", "2", "--racks", "2"]);
    let (_, namenode) = lab.said.split_once("MINI_HDFS_NAMENODE=").unwrap();
    let namenode = namenode.lines().next().unwrap();
    let settings = ClientSettings::new(namenode, "test");
    let client = DfsClient::connect(settings).unwrap();
    let deadline = Instant::now() + DEADLINE;
    while client.status().unwrap().live_datanodes < 2 {
        assert!(Instant::now() < deadline, "{}", lab.said);
        std::thread::sleep(Duration::from_millis(50));
    }
    end(lab, Signal::INT);
}

#[test]
fn a_run_is_saved_and_shown_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("run.jsonl");
    let trace = ["--trace", file.to_str().unwrap()];
    let lab = Lab::start(&[&["--no-browser", "--datanodes", "2"], &trace[..]].concat());
    let right = ("X-Lab-Token", lab.token.as_str());
    assert_eq!(deed(&lab, "kill", &[right]), 204);
    let trace = lab.trace();
    assert!(trace.iter().any(|record| record["kind"] == "crash"));
    let (_, so_far) = lab.call("GET /api/trace", "");
    end(lab, Signal::TERM);
    let trace = std::fs::read_to_string(&file).unwrap();
    assert!(trace.starts_with(&so_far), "{so_far}\n\n{trace}");

    let shown = Lab::start(&["replay", file.to_str().unwrap(), "--no-browser"]);
    assert_eq!(shown.call("GET /api/trace", ""), (200, trace));
    let (_, system) = shown.call("GET /api/system", "");
    assert!(system.contains(r#""replay":true"#), "{system}");
    // Nothing runs that anything could be done to.
    let right = ("X-Lab-Token", shown.token.as_str());
    assert_eq!(deed(&shown, "kill", &[right]), 409);
    assert_eq!(shown.call("POST /api/open", "").0, 409);
    end(shown, Signal::TERM);
}

#[test]
fn a_scene_is_played_on_the_page_a_step_at_a_time() {
    let lab = start();
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
    end(lab, Signal::TERM);
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
fn a_scene_that_is_not_there_is_refused_with_the_names_of_those_that_are() {
    let mut lab = Command::new(env!("CARGO_BIN_EXE_lab"));
    let played = lab.args(["scene", "hdfs/no-such-thing"]).output().unwrap();
    assert!(!played.status.success());
    let said = String::from_utf8_lossy(&played.stderr);
    assert!(said.contains("hdfs/kill-datanode"), "{said}");
}
