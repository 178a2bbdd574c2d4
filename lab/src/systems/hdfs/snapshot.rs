//! What there is to see of mini-hdfs at one moment: what the NameNode says, laid over what the lab knows of the
//! processes. The NameNode learns of a death only by silence; the lab knows at once, and shows both.

use std::collections::BTreeMap;

use mini_hdfs::namenode::blocks::BlockState;
use mini_hdfs::protocol::{
    AdminState, DatanodeReport, DatanodeState, FsStatus, FsckBlock, FsckFile, ReplicaHealth,
};
use serde::Serialize;

use crate::lab::{Condition, NodeView};
use crate::links::Rule;

use super::lamps::Lamp;
use super::load;

/// What the NameNode answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// Figures of the whole file system.
    pub(crate) status: FsStatus,
    /// Every DataNode that it has heard of.
    pub(crate) datanodes: Vec<DatanodeReport>,
    /// Every file.
    pub(crate) files: Vec<FsckFile>,
}

/// Everything that the page draws, in one piece.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Snapshot {
    /// Whether the NameNode answered; if not, what is said of files is what it said last.
    pub(crate) answered: bool,
    /// Why safe mode is on, if it is.
    pub(crate) safe_mode: Option<String>,
    /// Every process.
    pub(crate) nodes: Vec<NodeState>,
    /// Every direction with which something is wrong.
    pub(crate) links: Vec<LinkState>,
    /// Every file.
    pub(crate) files: Vec<FileState>,
    /// The invariants.
    pub(crate) lamps: Vec<Lamp>,
    /// Blocks that are being copied.
    pub(crate) copying: u64,
    /// Blocks that have fewer replicas than they should, those of the load among them.
    pub(crate) under_replicated: usize,
}

/// A process, and what the NameNode thinks of it if it is a DataNode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NodeState {
    /// The process.
    #[serde(flatten)]
    pub(crate) node: NodeView,
    /// In the NameNode's words: `live`, `stale`, `dead`; none for what is not a DataNode or not registered.
    pub(crate) state: Option<&'static str>,
    /// Where it is on its way out of service, in the NameNode's words; none while it is in service.
    pub(crate) service: Option<&'static str>,
    /// Bytes that its replicas use.
    pub(crate) used: u64,
}

/// A direction with which something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LinkState {
    /// The source.
    pub(crate) from: String,
    /// The destination.
    pub(crate) to: String,
    /// What is wrong.
    #[serde(flatten)]
    pub(crate) rule: Rule,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FileState {
    /// Its full path.
    pub(crate) path: String,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// How many replicas its blocks should have.
    pub(crate) replication: u16,
    /// Somebody is still writing it.
    pub(crate) open: bool,
    /// Its blocks, in order.
    pub(crate) blocks: Vec<BlockView>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BlockView {
    /// `blk_1073741825`.
    pub(crate) id: String,
    /// Its generation stamp.
    pub(crate) generation: u64,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// `being written`, `committed` or `complete`.
    pub(crate) state: &'static str,
    /// How many replicas it should have.
    pub(crate) expected: u16,
    /// It has enough replicas, on too few racks.
    pub(crate) badly_distributed: bool,
    /// Its replicas.
    pub(crate) replicas: Vec<ReplicaView>,
}

impl BlockView {
    /// Replicas that are as they should be.
    pub(crate) fn good(&self) -> usize {
        let good = self.replicas.iter().filter(|r| r.health == Health::Good);
        good.count()
    }

    /// Whether it can be read somewhere. That a node was not heard for a while, or has one replica too many, keeps
    /// nobody from reading there.
    pub(crate) fn is_readable(&self) -> bool {
        let mut health = self.replicas.iter().map(|replica| replica.health);
        health.any(|health| {
            matches!(
                health,
                Health::Good | Health::Stale | Health::Excess | Health::Leaving
            )
        })
    }

    /// Whether a writer has finished it.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == COMPLETE
    }
}

const COMPLETE: &str = "complete";

/// A replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ReplicaView {
    /// The node that holds it.
    pub(crate) node: String,
    /// How it is.
    pub(crate) health: Health,
}

/// How a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Health {
    /// Finalised, and its node runs.
    Good,
    /// Being written.
    Writing,
    /// Its node runs, but the NameNode has not heard it for a while.
    Stale,
    /// Its node is paused; the NameNode may not have noticed yet.
    Paused,
    /// Its node is down; the NameNode may not have noticed yet.
    Lost,
    /// Its bytes, its length or its generation are wrong.
    Corrupt,
    /// One more than needed; it will be deleted.
    Excess,
    /// Its node leaves the service, or has left it: it is good, but does not count.
    Leaving,
}

impl Snapshot {
    /// The node `name`.
    pub(crate) fn node(&self, name: &str) -> Option<&NodeState> {
        self.nodes.iter().find(|state| state.node.name == name)
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&FileState> {
        self.files.iter().find(|file| file.path == path)
    }

    /// The blocks that a writer has finished.
    pub(crate) fn complete_blocks(&self) -> impl Iterator<Item = &BlockView> {
        let blocks = self.files.iter().flat_map(|file| &file.blocks);
        blocks.filter(|block| block.is_complete())
    }

    /// Lays what the NameNode said over what the lab knows.
    pub(crate) fn new(
        nodes: &[NodeView],
        rules: BTreeMap<(String, String), Rule>,
        answers: &Answers,
    ) -> Snapshot {
        let by_address: BTreeMap<&str, &NodeView> = nodes
            .iter()
            .filter_map(|node| Some((node.address.as_deref()?, node)))
            .collect();
        let files = answers.files.iter().map(|file| FileState {
            path: file.status.path.clone(),
            len: file.status.len,
            replication: file.status.replication,
            open: file.status.under_construction,
            blocks: file.blocks.iter().map(|b| block(b, &by_address)).collect(),
        });
        let mut files: Vec<FileState> = files.collect();
        let blocks = files.iter().flat_map(|file| &file.blocks);
        let complete = blocks.filter(|block| block.is_complete());
        let under_replicated = complete.filter(|b| b.good() < usize::from(b.expected));
        let under_replicated = under_replicated.count();
        // The load's come and go by the hundred, and it checks them itself.
        files.retain(|file| !file.path.starts_with(load::ROOT));
        Snapshot {
            safe_mode: answers.status.safe_mode.clone(),
            copying: answers.status.pending_replication,
            under_replicated,
            files,
            nodes: nodes
                .iter()
                .map(|node| node_state(node, &answers.datanodes))
                .collect(),
            links: rules
                .into_iter()
                .map(|((from, to), rule)| LinkState { from, to, rule })
                .collect(),
            ..Snapshot::default()
        }
    }
}

fn node_state(node: &NodeView, reports: &[DatanodeReport]) -> NodeState {
    let report = reports
        .iter()
        .find(|report| Some(&report.info.address) == node.address.as_ref());
    NodeState {
        node: node.clone(),
        state: report.map(|report| match report.state {
            DatanodeState::Live => "live",
            DatanodeState::Stale => "stale",
            DatanodeState::Dead => "dead",
        }),
        service: report.and_then(|report| match report.admin {
            AdminState::Normal => None,
            AdminState::DecommissionInProgress => Some("decommission in progress"),
            AdminState::Decommissioned => Some("decommissioned"),
            AdminState::EnteringMaintenance => Some("entering maintenance"),
            AdminState::InMaintenance => Some("in maintenance"),
        }),
        used: report.map_or(0, |report| report.heartbeat.dfs_used),
    }
}

fn block(block: &FsckBlock, by_address: &BTreeMap<&str, &NodeView>) -> BlockView {
    let replicas = block.replicas.iter().map(|(info, health)| {
        let node = by_address.get(info.address.as_str());
        ReplicaView {
            node: node.map_or_else(|| info.address.clone(), |node| node.name.clone()),
            health: match (node.map(|node| node.process), health) {
                (_, ReplicaHealth::Corrupt) => Health::Corrupt,
                (Some(Condition::Down | Condition::Changing), _) => Health::Lost,
                (Some(Condition::Paused), _) => Health::Paused,
                (_, ReplicaHealth::Live) => Health::Good,
                (_, ReplicaHealth::Stale) => Health::Stale,
                (_, ReplicaHealth::Excess) => Health::Excess,
                (_, ReplicaHealth::Rbw) => Health::Writing,
                (
                    _,
                    ReplicaHealth::Decommissioning
                    | ReplicaHealth::Decommissioned
                    | ReplicaHealth::EnteringMaintenance
                    | ReplicaHealth::InMaintenance,
                ) => Health::Leaving,
            },
        }
    });
    let mut replicas: Vec<ReplicaView> = replicas.collect();
    replicas.sort_by(|a, b| a.node.cmp(&b.node));
    BlockView {
        id: block.block.id.to_string(),
        generation: block.block.generation.0,
        len: block.block.len,
        state: match block.state {
            BlockState::Complete => COMPLETE,
            BlockState::Committed => "committed",
            _ => "being written",
        },
        expected: block.expected,
        badly_distributed: block.badly_distributed,
        replicas,
    }
}
