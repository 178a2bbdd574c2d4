//! Stores on a page: what becomes of their keys when a join fails.

#![allow(clippy::unwrap_used)] // Also in the helpers of tests.

#[allow(dead_code, reason = "each test needs a part of it")]
mod lab;

use serde_json::{Value, json};

use crate::lab::Lab;

/// How many keys are with a store, by either rule.
fn held(now: &Value) -> (usize, usize) {
    let keys = now["keys"].as_object().unwrap();
    let by = |rule: &str| keys.values().filter(|key| key[rule].is_string()).count();
    (by("ring"), by("modulo"))
}

#[test]
fn a_join_that_failed_is_taken_up_again_and_no_key_is_lost_by_it() {
    let lab = Lab::start(&["page", "hash", "--no-browser"]);
    lab.until("each key has a place", |now| {
        now["lamps"]["ring"]["holds"] == true && held(now) == (240, 240)
    });
    // Its keys die with it: the lamps say so. The others hand theirs over before it is asked.
    lab.post("/api/deeds/kill", &json!({"node": "s4"}));
    lab.until("keys are missing", |now| {
        let reason = now["lamps"]["ring"]["reason"].as_str().unwrap_or_default();
        reason.contains("no answer from s4") && held(now) < (240, 240)
    });
    let left = held(&lab.state());
    let (status, said) = lab.call("POST /api/deeds/join", "{}");
    assert_eq!(status, 409, "{said}");
    lab.until("the new store has got some", |now| {
        let keys = now["keys"].as_object().unwrap();
        keys.values().any(|key| key["ring"] == "s5")
    });
    let pid = lab.state()["nodes"]["s5"]["pid"].clone();
    lab.post("/api/deeds/start", &json!({"node": "s4"}));
    lab.post("/api/deeds/join", &json!({}));
    lab.until("the new store is a member", |now| {
        now["ring"]["s5"].is_array() && now["plan"].is_null()
    });
    lab.until("what was left is still there", |now| held(now) == left);
    let now = lab.state();
    assert_eq!(now["nodes"]["s5"]["pid"], pid, "it was not started again");
    let lamp = &now["lamps"]["ring"];
    assert_eq!(lamp["holds"], false);
    let short = format!("of 240 keys {} are there", left.0);
    assert_eq!(lamp["reason"], short);
}
