//! mini-kafka on a page: what its clients do is seen, and what its buttons do.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

#[allow(dead_code, reason = "each test needs a part of it")]
mod lab;

use serde_json::{Value, json};

use crate::lab::Lab;

fn lag(now: &Value) -> i64 {
    let partitions = now["groups"]["billing"]["partitions"].as_object();
    let lags = partitions.into_iter().flatten();
    lags.map(|(_, part)| part["lag"].as_i64().unwrap()).sum()
}

#[test]
fn clients_are_seen_and_told_what_to_do() {
    let lab = Lab::start(&["page", "kafka", "--no-browser"]);
    lab.until("both consumers read what is written", |now| {
        let members = &now["groups"]["billing"]["members"];
        members
            .as_object()
            .is_some_and(|members| members.len() == 2)
            && now["nodes"]["c1"]["consumer"]["read"].as_u64() > Some(3)
            && now["lamps"]["owners"]["holds"] == true
    });
    let labels = |now: &Value| {
        let _ = now;
        let trace = lab.trace();
        let labels = trace.iter().filter_map(|record| record["label"].as_str());
        let labels: std::collections::BTreeSet<String> = labels.map(str::to_owned).collect();
        [
            "produce",
            "ack",
            "fetch",
            "records",
            "heartbeat",
            "offset commit",
        ]
        .iter()
        .all(|label| labels.contains(*label))
    };
    lab.until("messages are understood", labels);

    // A slow one falls behind, which a lamp says.
    for consumer in ["c1", "c2"] {
        lab.post("/api/deeds/speed", &json!({"node": consumer, "value": 1}));
    }
    lab.post("/api/deeds/rate", &json!({"node": "p1", "value": 100}));
    lab.until("they are behind", |now| {
        now["lamps"]["lag"]["holds"] == false && lag(now) > 100
    });
    for consumer in ["c1", "c2"] {
        lab.post("/api/deeds/speed", &json!({"node": consumer, "value": 0}));
    }
    lab.post("/api/deeds/rate", &json!({"node": "p1", "value": 5}));
    lab.until("they have caught up", |now| {
        now["lamps"]["lag"]["holds"] == true && lag(now) < 20
    });
    lab.post("/api/deeds/consumer", &json!({}));
    lab.until("there is a third", |now| {
        now["nodes"]["c3"]["consumer"]["owned"]
            .as_str()
            .is_some_and(|owned| owned.starts_with("orders-"))
    });

    // A full disk is an error to producers, until there is room again.
    lab.post("/api/deeds/fill", &json!({"node": "broker"}));
    lab.until("the producer has to wait", |now| {
        let p1 = &now["nodes"]["p1"]["producer"];
        now["disks"]["broker"]["full"] == true && p1["waits"] == true && p1["trouble"].is_string()
    });
    let again = lab.state()["nodes"]["p1"]["producer"]["acknowledged"].as_u64();
    lab.post("/api/deeds/free", &json!({"node": "broker"}));
    lab.until("it goes on", |now| {
        now["nodes"]["p1"]["producer"]["acknowledged"].as_u64() > again.map(|n| n + 5)
    });

    // Its end is torn only while the broker is down, and what was acknowledged is there afterwards.
    let tear = r#"{"node":"broker"}"#;
    let (status, said) = lab.call("POST /api/deeds/tear", tear);
    assert_eq!(
        (status, said.contains("kill it first")),
        (409, true),
        "{said}"
    );
    lab.post("/api/deeds/kill", &json!({"node": "broker"}));
    lab.until("the broker does not answer", |now| {
        now["lamps"]["answers"]["holds"] == false
    });
    lab.post("/api/deeds/tear", &json!({"node": "broker"}));
    lab.post("/api/undo", &json!({}));
    lab.until("all is well again", |now| {
        let holds = |lamp: &str| now["lamps"][lamp]["holds"] == true;
        ["answers", "kept", "once", "owners", "lag"]
            .into_iter()
            .all(holds)
    });
}
