//! What there is to see of mini-hdfs, as members of the state document. The book's page on traces lists them.

use serde_json::{Map, Value, json};

use crate::lab::{CLIENT, Condition};

use super::snapshot::{FileState, NodeState, Snapshot};

/// All members that are this system's.
pub(super) fn members(snapshot: &Snapshot) -> [(&'static str, Value); 7] {
    [
        ("nodes", nodes(snapshot)),
        ("answered", json!(snapshot.answered)),
        ("safe_mode", json!(snapshot.safe_mode)),
        ("copying", json!(snapshot.copying)),
        ("files", files(&snapshot.files)),
        ("lamps", lamps(snapshot)),
        ("figures", figures(snapshot)),
    ]
}

fn object(members: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(members.collect::<Map<_, _>>())
}

fn nodes(snapshot: &Snapshot) -> Value {
    let client = json!({"role": CLIENT, "process": Condition::Up});
    let nodes = snapshot.nodes.iter();
    let nodes = nodes.map(|state: &NodeState| (state.node.name.clone(), json!(state)));
    object(nodes.chain([(CLIENT.to_owned(), client)]))
}

fn files(files: &[FileState]) -> Value {
    object(files.iter().map(|file| {
        let blocks = file.blocks.iter().enumerate().map(|(index, block)| {
            let replicas = block.replicas.iter();
            let replicas = replicas.map(|replica| (replica.node.clone(), json!(replica.health)));
            let shown = json!({
                "index": index,
                "generation": block.generation,
                "len": block.len,
                "state": block.state,
                "expected": block.expected,
                "badly_distributed": block.badly_distributed,
                "replicas": object(replicas),
            });
            (block.id.clone(), shown)
        });
        let shown = json!({
            "len": file.len,
            "replication": file.replication,
            "open": file.open,
            "blocks": object(blocks),
        });
        (file.path.clone(), shown)
    }))
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
