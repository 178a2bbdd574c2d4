//! What there is to see of mini-hdfs, as members of the state document. The book's page on traces lists them.

use serde_json::{Map, Value, json};

use crate::lab::{CLIENT, Condition};
use crate::load::Status;

use super::snapshot::Snapshot;

/// All members that are this system's.
pub(super) fn members(snapshot: &Snapshot) -> [(&'static str, Value); 6] {
    let said = json!(snapshot.view);
    let of_view = |name| (name, said[name].clone());
    [
        ("nodes", nodes(snapshot)),
        of_view("answered"),
        of_view("safe_mode"),
        of_view("copying"),
        of_view("files"),
        ("lamps", lamps(snapshot)),
    ]
}

fn object(members: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(members.collect::<Map<_, _>>())
}

fn nodes(snapshot: &Snapshot) -> Value {
    let client = json!({"role": CLIENT, "process": Condition::Up});
    let nodes = snapshot.node_states();
    let nodes = nodes.map(|(name, state)| (name.clone(), json!(state)));
    object(nodes.chain([(CLIENT.to_owned(), client)]))
}

fn lamps(snapshot: &Snapshot) -> Value {
    object(snapshot.lamps.iter().zip(1..).map(|(lamp, order)| {
        let shown = json!({
            "order": order,
            "sentence": lamp.sentence,
            "holds": lamp.holds,
            "reason": lamp.reason,
        });
        (lamp.id.to_owned(), shown)
    }))
}

/// What is to be drawn over time, and what else changes while nothing happens to the nodes.
pub(super) fn measured(
    snapshot: &Snapshot,
    load: &Status,
    disks: Value,
) -> [(&'static str, Value); 3] {
    let (under, copying) = (snapshot.blocks.under_replicated, snapshot.copying);
    let blocks = [
        (
            "under-replicated".to_owned(),
            json!({"order": 10, "label": "under-replicated", "unit": "blocks", "value": under}),
        ),
        (
            "copying".to_owned(),
            json!({"order": 11, "label": "being copied", "unit": "blocks", "value": copying}),
        ),
    ];
    [
        ("figures", object(load.figures().chain(blocks))),
        ("load", load.document()),
        ("disks", disks),
    ]
}
