//! mini-mapreduce on a page: what its workers do is seen, what its buttons do, and that they are reached through links.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

#[allow(dead_code, reason = "each test needs a part of it")]
mod lab;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::lab::Lab;

fn all_hold(now: &Value) -> bool {
    ["workers", "outputs", "jobs"]
        .into_iter()
        .all(|lamp| now["lamps"][lamp]["holds"] == true)
}

fn is_done(now: &Value, title: &str) -> bool {
    let runs = now["runs"].as_array().cloned().unwrap_or_default();
    runs.iter()
        .any(|run| run["title"] == title && run["is_over"] == true && run["parts"][0].is_u64())
}

fn labels(lab: &Lab) -> BTreeSet<String> {
    let trace = lab.trace();
    let labels = trace.iter().filter_map(|record| record["label"].as_str());
    labels.map(str::to_owned).collect()
}

#[test]
fn jobs_are_seen_and_their_outputs_compared() {
    let lab = Lab::start(&["page", "mapreduce", "--no-browser", "--workers", "3"]);
    lab.until("all is well", all_hold);
    lab.post("/api/deeds/sort", &json!({"value": 1}));
    lab.until("it is sorted", |now| is_done(now, "by hand, 1 replica"));
    let now = lab.state();
    let crossed = now["runs"][0]["between_nodes"].as_u64().unwrap();
    assert!(
        crossed > 1 << 20,
        "two thirds of 3 MiB are not here: {crossed}"
    );
    let known = labels(&lab);
    for label in ["heartbeat", "order", "fetch", "segment", "submit"] {
        assert!(known.contains(label), "{label} in {known:?}");
    }
    lab.post("/api/load", &json!({"rate": 2}));
    lab.until("the load's jobs are done and right", |now| {
        let load = &now["load"];
        load["acknowledged"].as_u64() > Some(2) && load["checked"].as_u64() > Some(3)
    });
    // Whoever is killed meanwhile changes nothing of that.
    lab.post("/api/deeds/kill", &json!({"node": "w2"}));
    lab.until("w2 is lost", |now| now["nodes"]["w2"]["state"] == "lost");
    let checked = lab.state()["load"]["checked"].as_u64();
    lab.until("jobs go on", |now| {
        now["load"]["checked"].as_u64() > checked
    });
    lab.post("/api/load", &json!({"rate": 0}));
    lab.post("/api/undo", &json!({}));
    lab.until("all is well again", all_hold);
    assert_eq!(lab.state()["load"]["wrong"], 0);
}

/// Nobody dials past its links: what is cut there does not get through.
#[test]
fn a_worker_that_is_cut_off_is_lost_and_comes_back() {
    let lab = Lab::start(&["page", "mapreduce", "--no-browser", "--workers", "3"]);
    lab.until("all is well", all_hold);
    let groups = json!([["w3"], ["coord", "w1", "w2", "client"]]);
    lab.post("/api/partition", &json!({ "groups": groups }));
    lab.until("w3 is lost", |now| now["nodes"]["w3"]["state"] == "lost");
    lab.post("/api/deeds/wordcount", &json!({"value": 2}));
    lab.until("the others count", |now| {
        is_done(now, "by hand, 2 replicas")
    });
    lab.post("/api/undo", &json!({}));
    lab.until("all is well again", all_hold);
}
