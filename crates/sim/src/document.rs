//! The state document of a trace: what there is to see of a system at one moment. Its members that every system has are these;
//! a system lays its own beside them, and more into each node. What is keyed here by name is a list elsewhere: a patch
//! ([`crate::patch`]) can then say what has changed of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The members that every system has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Document {
    /// Every node, by its name.
    pub nodes: BTreeMap<String, NodeView>,
    /// Every direction with which something is wrong, as [`link`] writes it.
    pub links: BTreeMap<String, LinkView>,
    /// Every disk with which something is wrong, by the name of its node.
    pub disks: BTreeMap<String, DiskView>,
    /// What the system promises, by an id that stays.
    pub lamps: BTreeMap<String, LampView>,
    /// What is drawn over time, by an id that stays.
    pub figures: BTreeMap<String, FigureView>,
}

/// The key of the direction from one node to another: `dn1>namenode`.
pub fn link(from: &str, to: &str) -> String {
    format!("{from}>{to}")
}

/// Whether a node's process is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// It is being started or ended just now.
    Changing,
    /// It runs.
    Up,
    /// It is stopped in mid-step.
    Paused,
    /// It is not there.
    Down,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeView {
    /// What it is: `datanode`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// Where it stands, if that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<String>,
    /// Whether its process is there.
    pub process: Process,
    /// Its process id, while it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Where it listens, once it has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What the system takes it for, in a word: `live`, `dead`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Where it is on its way out of service; absent while it is in service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What else is worth knowing, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<String>,
}

impl NodeView {
    /// A node of which nothing else is known.
    pub fn new(process: Process) -> NodeView {
        NodeView {
            role: String::new(),
            rack: None,
            process,
            pid: None,
            address: None,
            state: None,
            service: None,
            facts: None,
        }
    }
}

/// A direction with which something is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LinkView {
    /// Nothing passes.
    pub cut: bool,
    /// How much later everything arrives.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// How much passes in a second at most; 0: anything.
    #[serde(skip_serializing_if = "is_zero")]
    pub bytes_per_second: u64,
}

// By the signature that serde asks for.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A disk with which something is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DiskView {
    /// No more fits on it than the little that a fault has left, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<bool>,
    /// How much longer everything takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_ms: Option<u64>,
    /// What fails with an I/O error: `syncs`, `everything`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<String>,
}

/// A promise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LampView {
    /// Its place among the others.
    pub order: u32,
    /// The promise.
    pub sentence: String,
    /// Whether it holds; absent when nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// Why not; or on what the answer rests.
    #[serde(default)]
    pub reason: String,
}

/// A figure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FigureView {
    /// Its place among the others.
    pub order: u32,
    /// What it is called.
    pub label: String,
    /// What it counts: `ms`, `bytes/s`, `blocks`.
    pub unit: String,
    /// How much of it there is; absent while nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
}
