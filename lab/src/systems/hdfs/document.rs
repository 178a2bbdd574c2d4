//! What there is to see of mini-hdfs, as members of the state document. The book's page on traces lists them.

use serde_json::{Map, Value, json};

use crate::lab::{CLIENT, Condition};
use crate::load::Status;

use super::disks::DiskFault;
use super::snapshot::{FileState, NodeState, Snapshot};

/// All members that are this system's.
pub(super) fn members(snapshot: &Snapshot) -> [(&'static str, Value); 6] {
    [
        ("nodes", nodes(snapshot)),
        ("answered", json!(snapshot.answered)),
        ("safe_mode", json!(snapshot.safe_mode)),
        ("copying", json!(snapshot.copying)),
        ("files", files(&snapshot.files)),
        ("lamps", lamps(snapshot)),
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

/// What is to be drawn over time, and what else changes while nothing happens to the nodes.
pub(super) fn measured(
    snapshot: &Snapshot,
    load: &Status,
    disks: Vec<(String, DiskFault)>,
) -> [(&'static str, Value); 3] {
    let (under, copying) = (snapshot.under_replicated, snapshot.copying);
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
    let disks = disks
        .into_iter()
        .map(|(name, fault)| (name, json!(fault.view())));
    [
        ("figures", object(load.figures().chain(blocks))),
        ("load", load.document()),
        ("disks", object(disks)),
    ]
}
