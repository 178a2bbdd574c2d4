//! What there is to see of mini-hdfs, as members of the state document. The book's page on traces lists them.

use serde_json::{Map, Value, json};

use crate::lab::{CLIENT, Condition};

use super::snapshot::Snapshot;

/// All members that are this system's.
pub(super) fn members(snapshot: &Snapshot) -> [(&'static str, Value); 7] {
    let said = json!(snapshot.view);
    let of_view = |name| (name, said[name].clone());
    [
        ("nodes", nodes(snapshot)),
        of_view("answered"),
        of_view("safe_mode"),
        of_view("copying"),
        of_view("files"),
        ("lamps", lamps(snapshot)),
        ("figures", figures(snapshot)),
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

fn figures(snapshot: &Snapshot) -> Value {
    let blocks = snapshot.complete_blocks();
    let under = blocks.filter(|block| block.good() < usize::from(block.expected));
    json!({
        "under-replicated": {"order": 10, "label": "under-replicated", "unit": "blocks", "value": under.count()},
        "copying": {"order": 11, "label": "being copied", "unit": "blocks", "value": snapshot.copying},
    })
}
