//! raft-kv on a page: what its members do is seen, what its buttons do, and that members and clients are reached through links.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

#[allow(dead_code, reason = "each test needs a part of it")]
mod lab;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::lab::Lab;

const MEMBERS: [&str; 3] = ["m1", "m2", "m3"];

/// Who leads in the newest term, as its member says.
fn leader(now: &Value) -> Option<String> {
    let leads = |name: &&&str| {
        let raft = &now["nodes"][**name]["raft"];
        raft["role"] == "leader" && raft["old"] == false && raft["answers"] == true
    };
    MEMBERS.iter().find(leads).map(|name| (*name).to_owned())
}

fn all_hold(now: &Value) -> bool {
    ["leader", "term", "alike", "linearizable", "caught-up"]
        .into_iter()
        .all(|lamp| now["lamps"][lamp]["holds"] == true)
}

fn labels(lab: &Lab) -> BTreeSet<String> {
    let trace = lab.trace();
    let labels = trace.iter().filter_map(|record| record["label"].as_str());
    labels.map(str::to_owned).collect()
}

fn heard(now: &Value, client: &str) -> String {
    now["nodes"][client]["heard"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn members_are_seen_and_clients_do_as_they_are_told() {
    let lab = Lab::start(&["page", "raft", "--no-browser"]);
    lab.until("all is well", all_hold);
    let load = |rate| lab.post("/api/load", &json!({ "rate": rate }));
    load(50);
    lab.until("the load is acknowledged and explained", |now| {
        let load = &now["load"];
        load["acknowledged"].as_u64() > Some(20) && load["checked"].as_u64() > Some(20)
    });
    load(0);
    lab.post("/api/deeds/put", &json!({"node": "c1", "value": 7}));
    lab.post("/api/deeds/get", &json!({"node": "c2", "value": 2}));
    lab.until("each member has it, and c2 has heard of it", |now| {
        let has = |name: &&str| now["nodes"][*name]["raft"]["keys"]["x"]["value"] == "7";
        MEMBERS.iter().all(has) && heard(now, "c2").starts_with("x is 7")
    });
    let known = labels(&lab);
    for label in [
        "heartbeat",
        "append",
        "appended",
        "put",
        "written",
        "get",
        "value",
    ] {
        assert!(known.contains(label), "{label} in {known:?}");
    }

    // Leadership is handed over, and then lost: votes are seen.
    let other = |now: &Value| {
        MEMBERS
            .into_iter()
            .find(|name| leader(now).as_deref() != Some(name))
    };
    let next = other(&lab.state()).unwrap();
    lab.post("/api/deeds/lead", &json!({"node": next}));
    lab.until("the other one leads", |now| {
        leader(now).as_deref() == Some(next)
    });
    lab.post("/api/deeds/kill", &json!({"node": next}));
    lab.until("another one leads, with a majority", |now| {
        leader(now).is_some_and(|leader| leader != next) && now["lamps"]["leader"]["holds"] == true
    });
    let known = labels(&lab);
    for label in ["request vote", "vote granted"] {
        assert!(known.contains(label), "{label} in {known:?}");
    }
    lab.post("/api/undo", &json!({}));
    lab.until("all is well again", all_hold);
}

/// Nobody dials past its links: what is cut there does not get through.
#[test]
fn a_partition_holds_for_members_and_clients() {
    let lab = Lab::start(&["page", "raft", "--no-browser"]);
    lab.until("all is well", all_hold);
    lab.post("/api/deeds/put", &json!({"node": "c1", "value": 1}));
    lab.until("each member has it", |now| {
        let has = |name: &&str| now["nodes"][*name]["raft"]["keys"]["x"]["value"] == "1";
        MEMBERS.iter().all(has)
    });
    let old = leader(&lab.state()).unwrap();
    let rest: Vec<&str> = MEMBERS.into_iter().filter(|name| *name != old).collect();
    let groups = json!([[old, "c2"], [rest[0], rest[1], "c1"]]);
    lab.post("/api/partition", &json!({ "groups": groups }));
    lab.until("the others elect one of themselves", |now| {
        leader(now).is_some_and(|leader| leader != old)
    });
    lab.post("/api/deeds/get", &json!({"node": "c2", "value": 0}));
    lab.until("c2 has no answer", |now| {
        heard(now, "c2").starts_with("not done: ")
    });
    // Whoever was asked first may have been on the other side: then nobody knows, and it is written again.
    lab.until("c1's write is done", |now| {
        let done = heard(now, "c1").starts_with("x = 2 is written");
        if !done {
            lab.post("/api/deeds/put", &json!({"node": "c1", "value": 2}));
        }
        done
    });
    lab.post(
        "/api/deeds/get-serializable",
        &json!({"node": "c2", "value": 0}),
    );
    lab.until("c2 can have what is old", |now| {
        heard(now, "c2").starts_with("x is 1")
    });
    assert_eq!(lab.state()["nodes"][&old]["raft"]["old"], true);
    lab.post("/api/undo", &json!({}));
    lab.until("all is well again", all_hold);
    lab.post("/api/deeds/get", &json!({"node": "c2", "value": 0}));
    lab.until("c2 sees the present", |now| {
        heard(now, "c2").starts_with("x is 2")
    });
}

#[test]
fn members_come_and_go() {
    let lab = Lab::start(&["page", "raft", "--no-browser", "--clients", "1"]);
    lab.until("all is well", all_hold);
    lab.post("/api/deeds/add", &json!({}));
    lab.until("a fourth one follows", |now| {
        now["nodes"]["m4"]["raft"]["role"] == "follower" && all_hold(now)
    });
    let gone = leader(&lab.state()).unwrap();
    lab.post("/api/deeds/remove", &json!({"node": gone}));
    lab.until("it is gone, and the others go on", |now| {
        now["nodes"].get(&gone).is_none() && now["lamps"]["leader"]["holds"] == true
    });
    let (status, said) = lab.call("POST /api/deeds/remove", &json!({"node": gone}).to_string());
    assert_eq!(
        (status, said.contains("there is no node")),
        (409, true),
        "{said}"
    );
    // A full disk ends a member: what it cannot write it must not promise.
    lab.post("/api/deeds/fill", &json!({"node": "m4"}));
    lab.post("/api/load", &json!({"rate": 20}));
    lab.until("m4 has ended", |now| {
        now["nodes"]["m4"]["process"] == "down"
    });
    lab.post("/api/load", &json!({"rate": 0}));
    lab.post("/api/undo", &json!({}));
    lab.until("all is well again", |now| {
        now["nodes"]["m4"]["raft"]["answers"] == true && now["lamps"]["leader"]["holds"] == true
    });
}
