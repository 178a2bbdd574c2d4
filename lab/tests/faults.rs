//! Faults by hand, and the load, on a page's real processes: what they do, and that the command that each shows does it again.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sim::patch;
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(60);

struct Lab {
    child: Child,
    host: String,
    token: String,
    _tmp: TempDir,
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Its reaper ends the nodes.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lab {
    /// A lab in which `count` DataNodes can be written to.
    fn start(count: usize) -> Lab {
        let tmp = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args([
                "--no-browser",
                "--racks",
                "1",
                "--datanodes",
                &count.to_string(),
            ])
            .env("TMPDIR", tmp.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        // Somebody has to read the rest.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let address = line.trim_end().split_once("http://").unwrap().1;
        let (host, token) = address.split_once("/?token=").unwrap();
        let lab = Lab {
            child,
            host: host.to_owned(),
            token: token.to_owned(),
            _tmp: tmp,
        };
        lab.until("all DataNodes are live", |state| {
            let nodes = state["nodes"].as_object().into_iter().flatten();
            let live = nodes.filter(|(_, node)| node["state"] == "live");
            live.count() == count && state["lamps"]["safe-mode"]["holds"] == true
        });
        lab
    }

    /// Asks for something; returns the body of the answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let Lab { host, token, .. } = self;
        let len = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {host}\r\nX-Lab-Token: {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {len}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.0 2"),
            "{method} {path}: {head} {body}"
        );
        body.to_owned()
    }

    fn post(&self, path: &str, body: &Value) {
        self.ask("POST", path, &body.to_string());
    }

    fn trace(&self) -> Vec<Value> {
        let trace = self.ask("GET", "/api/trace", "");
        let lines = trace
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        lines.collect()
    }

    /// The state document as it is now.
    fn state(&self) -> Value {
        let mut state = json!({});
        for record in self.trace() {
            if record["kind"] == "state" {
                patch::apply(&mut state, &record["patch"]);
            }
        }
        state
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) {
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

    /// The command of the last event that has one.
    fn last_command(&self) -> String {
        let trace = self.trace();
        let mut commands = trace.iter().filter_map(|record| record["command"].as_str());
        commands.next_back().unwrap().to_owned()
    }

    /// Runs a command that the journal shows, as it would be pasted into a shell.
    fn paste(&self, command: &str) {
        let ran = Command::new("sh")
            .args(["-c", &command.replace("curl ", "curl -sS --fail ")])
            .env("LAB_TOKEN", &self.token)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{command}: {said}");
    }
}

/// A number of the state document.
fn number(state: &Value, pointer: &str) -> u64 {
    state.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

#[test]
fn every_fault_shows_a_command_that_does_it_again() {
    let lab = Lab::start(3);
    lab.post("/api/hdfs/files/sample?seconds=0", &json!({}));
    let dn1 = json!({"node": "dn1"});
    let cut = json!({"from": "dn1", "to": "*", "both_ways": true, "cut": true});
    let slow = json!({"node": "dn1", "value": 50});
    let groups = json!({"groups": [["namenode", "dn1", "client"], ["dn2", "dn3"]]});
    type Holds = fn(&Value) -> bool;
    let faults: [(&str, &Value, Holds); 6] = [
        ("/api/links", &cut, |now| {
            now["links"]["dn1>namenode"]["cut"] == true
        }),
        ("/api/partition", &groups, |now| {
            now["links"]["dn2>namenode"]["cut"] == true && now["links"]["dn2>dn3"].is_null()
        }),
        ("/api/deeds/fill", &dn1, |now| {
            now["disks"]["dn1"]["full"] == true
        }),
        ("/api/deeds/slow-disk", &slow, |now| {
            now["disks"]["dn1"]["slow_ms"] == 50
        }),
        ("/api/deeds/fail-syncs", &dn1, |now| {
            now["disks"]["dn1"]["failing"] == "syncs"
        }),
        ("/api/load", &json!({"rate": 5}), |now| {
            now["load"]["rate"] == 5
        }),
    ];
    let well = |now: &Value| {
        let empty = |member: &str| {
            now[member]
                .as_object()
                .is_none_or(serde_json::Map::is_empty)
        };
        empty("links") && empty("disks") && now["nodes"]["dn1"]["process"] == "up"
    };
    for (path, body, holds) in faults {
        lab.post(path, body);
        let command = lab.last_command();
        lab.until(path, holds);
        lab.post("/api/undo", &json!({}));
        lab.until("all is well", well);
        if path == "/api/load" {
            lab.post(path, &json!({"rate": 0}));
            lab.until("the load ends", |now| now["load"]["on"] == false);
        }
        lab.paste(&command);
        lab.until(&command, holds);
        lab.post("/api/load", &json!({"rate": 0}));
        lab.post("/api/undo", &json!({}));
        lab.until("all is well again", well);
    }
}

#[test]
fn a_load_goes_on_and_finds_nothing_wrong_while_a_datanode_dies() {
    let lab = Lab::start(4);
    lab.post("/api/load", &json!({"rate": 100}));
    lab.until("much was acknowledged and checked", |now| {
        number(now, "/load/acknowledged") >= 30 && number(now, "/load/checked") >= 30
    });
    lab.post("/api/deeds/kill", &json!({"node": "dn1"}));
    let before = number(&lab.state(), "/load/checked");
    lab.until("reads go on", |now| {
        number(now, "/load/checked") >= before + 50
    });
    lab.post("/api/deeds/wipe", &json!({"node": "dn2"}));
    lab.until("dn2 is back", |now| now["nodes"]["dn2"]["state"] == "live");
    let before = number(&lab.state(), "/load/checked");
    lab.until("reads go on", |now| {
        number(now, "/load/checked") >= before + 50
    });
    lab.post("/api/load", &json!({"rate": 0}));
    let now = lab.state();
    assert_eq!(number(&now, "/load/wrong"), 0, "{now:#}");
    assert!(
        now["figures"]["p99"]["value"].as_f64().unwrap() > 0.0,
        "{now:#}"
    );
    assert_eq!(
        now["files"],
        json!({}),
        "the load's files are not shown one by one"
    );
}

#[test]
fn a_flipped_bit_is_one_bit_and_its_command_flips_it_too() {
    let lab = Lab::start(3);
    lab.post("/api/hdfs/files/sample?seconds=0", &json!({}));
    lab.until("dn1 has a good replica", |now| {
        let blocks = now["files"]["/sample-1.bin"]["blocks"].as_object();
        let has =
            |block: &Value| block["state"] == "complete" && block["replicas"]["dn1"] == "good";
        blocks.is_some_and(|blocks| blocks.values().any(has))
    });
    lab.post("/api/deeds/flip", &json!({"node": "dn1"}));
    let command = lab.last_command();
    let word = |mark: &str| {
        let word = command.split(mark).nth(1).unwrap();
        word.split(' ').next().unwrap().to_owned()
    };
    let (file, at) = (word("of="), word("seek=").parse::<usize>().unwrap());
    // It may have been found and replaced already: what the command makes of a copy is what counts.
    let copy = lab._tmp.path().join("copy");
    std::fs::write(&copy, vec![0; at + 2]).unwrap();
    lab.paste(&command.replace(&file, copy.to_str().unwrap()));
    let octal = command.split('\\').nth(1).unwrap();
    let flipped = u8::from_str_radix(&octal[..3], 8).unwrap();
    assert_eq!(std::fs::read(&copy).unwrap()[at], flipped);
    lab.until("it is noticed and mended", |now| {
        let blocks = now["files"]["/sample-1.bin"]["blocks"].as_object();
        let good = |block: &Value| {
            let replicas = block["replicas"].as_object().into_iter().flatten();
            replicas.filter(|(_, health)| **health == "good").count() == 3
        };
        blocks.is_some_and(|blocks| blocks.values().all(good))
    });
}

#[test]
fn messages_are_told_and_a_cut_holds_them() {
    let lab = Lab::start(3);
    lab.post("/api/hdfs/files/sample?seconds=0", &json!({}));
    let told = |kind: &str, label: &str| {
        let trace = lab.trace();
        let of = |record: &&Value| record["kind"] == kind && record["label"] == label;
        trace
            .iter()
            .filter(of)
            .map(|record| record["message"].clone())
            .collect::<Vec<Value>>()
    };
    for label in [
        "connect",
        "heartbeat",
        "add block",
        "write block",
        "packet",
        "ack",
        "ok",
    ] {
        let sent = told("send", label);
        assert!(!sent.is_empty(), "no {label} was sent");
        let trace = lab.trace();
        let arrived =
            |record: &Value| record["kind"] == "deliver" && sent.contains(&record["message"]);
        assert!(trace.iter().any(arrived), "no {label} was delivered");
    }
    let cut = json!({"from": "dn1", "to": "namenode", "cut": true});
    lab.post("/api/links", &cut);
    let dead = |now: &Value| now["nodes"]["dn1"]["state"] == "dead";
    lab.until("dn1 is given up", dead);
    let fate = || {
        let trace = lab.trace();
        let node = |name: &str| {
            let start = trace
                .iter()
                .find(|r| r["kind"] == "start" && r["name"] == name);
            start.unwrap()["node"].clone()
        };
        let (from, to) = (node("dn1"), node("namenode"));
        let sent = trace.iter().rfind(|record| {
            record["kind"] == "send" && record["from"] == from && record["to"] == to
        });
        let message = &sent.unwrap()["message"];
        let ends = |r: &&Value| r["message"] == *message && r["kind"] != "send";
        trace.iter().find(ends).map(|record| record["kind"].clone())
    };
    // Connections that are given up take what they had with them; the latest is on its way.
    lab.until("something is on its way", |_| fate().is_none());
    lab.post("/api/undo", &json!({}));
    lab.until("dn1 is heard again", |now| {
        now["nodes"]["dn1"]["state"] == "live"
    });
}
