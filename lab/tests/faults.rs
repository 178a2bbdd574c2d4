//! Faults by hand, and the load, on a page's real processes: what they do, and that the command that each shows does it again.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

#[allow(dead_code, reason = "each test needs a part of it")]
mod lab;

use std::process::Command;

use serde_json::{Value, json};

use crate::lab::Lab;

/// A lab in which `count` DataNodes can be written to.
fn start(count: usize) -> Lab {
    let datanodes = count.to_string();
    let lab = Lab::start(&["--no-browser", "--racks", "1", "--datanodes", &datanodes]);
    lab.until("all DataNodes are live", |state| {
        let nodes = state["nodes"].as_object().into_iter().flatten();
        let live = nodes.filter(|(_, node)| node["state"] == "live");
        live.count() == count && state["lamps"]["safe-mode"]["holds"] == true
    });
    lab
}

/// The command of the last event that has one.
fn last_command(lab: &Lab) -> String {
    let trace = lab.trace();
    let mut commands = trace.iter().filter_map(|record| record["command"].as_str());
    commands.next_back().unwrap().to_owned()
}

/// Runs a command that the journal shows, as it would be pasted into a shell.
fn paste(lab: &Lab, command: &str) {
    let ran = Command::new("sh")
        .args(["-c", &command.replace("curl ", "curl -sS --fail ")])
        .env("LAB_TOKEN", &lab.token)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{command}: {said}");
}

/// A number of the state document.
fn number(state: &Value, pointer: &str) -> u64 {
    state.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

#[test]
fn every_fault_shows_a_command_that_does_it_again() {
    let lab = start(3);
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
        let command = last_command(&lab);
        lab.until(path, holds);
        lab.post("/api/undo", &json!({}));
        lab.until("all is well", well);
        if path == "/api/load" {
            lab.post(path, &json!({"rate": 0}));
            lab.until("the load ends", |now| now["load"]["on"] == false);
        }
        paste(&lab, &command);
        lab.until(&command, holds);
        lab.post("/api/load", &json!({"rate": 0}));
        lab.post("/api/undo", &json!({}));
        lab.until("all is well again", well);
    }
}

#[test]
fn what_is_undone_is_undone_where_it_is_paused_too() {
    let lab = start(1);
    lab.post("/api/deeds/fill", &json!({"node": "dn1"}));
    lab.until("its disk is full", |now| {
        now["disks"]["dn1"]["full"] == true
    });
    lab.post("/api/deeds/pause", &json!({"node": "dn1"}));
    lab.post("/api/undo", &json!({}));
    lab.until("it goes on, and its disk is well", |now| {
        now["nodes"]["dn1"]["process"] == "up" && now["disks"]["dn1"].is_null()
    });
    let command = last_command(&lab);
    assert!(command.ends_with("/api/undo"), "{command}");
}

#[test]
fn only_the_disk_of_a_datanode_can_be_wiped() {
    let lab = start(1);
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().to_str().unwrap();
    let below = format!("../../{}", outside.rsplit('/').next().unwrap());
    for node in ["", outside, &below, "dn1/", "dn2", "client"] {
        let order = json!({"node": node}).to_string();
        let (status, said) = lab.call("POST /api/deeds/wipe", &order);
        assert_eq!(status, 409, "{node:?}: {said}");
        assert!(said.contains("there is no node"), "{node:?}: {said}");
    }
    let order = json!({"node": "namenode"}).to_string();
    let (status, said) = lab.call("POST /api/deeds/wipe", &order);
    assert_eq!(status, 409, "{said}");
    assert!(std::path::Path::new(outside).is_dir());
    assert_eq!(lab.state()["nodes"]["dn1"]["process"], "up");
}

#[test]
fn a_load_goes_on_and_finds_nothing_wrong_while_a_datanode_dies() {
    let lab = start(4);
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
    let lab = start(3);
    lab.post("/api/hdfs/files/sample?seconds=0", &json!({}));
    lab.until("dn1 has a good replica", |now| {
        let blocks = now["files"]["/sample-1.bin"]["blocks"].as_object();
        let has =
            |block: &Value| block["state"] == "complete" && block["replicas"]["dn1"] == "good";
        blocks.is_some_and(|blocks| blocks.values().any(has))
    });
    lab.post("/api/deeds/flip", &json!({"node": "dn1"}));
    let command = last_command(&lab);
    let word = |mark: &str| {
        let word = command.split(mark).nth(1).unwrap();
        word.split(' ').next().unwrap().to_owned()
    };
    let (file, at) = (word("of="), word("seek=").parse::<usize>().unwrap());
    // It may have been found and replaced already: what the command makes of a copy is what counts.
    let copy = lab.tmp.path().join("copy");
    std::fs::write(&copy, vec![0; at + 2]).unwrap();
    paste(&lab, &command.replace(&file, copy.to_str().unwrap()));
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
    let lab = start(3);
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
