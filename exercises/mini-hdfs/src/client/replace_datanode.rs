//! Whether a node that failed is replaced in its pipeline, and how (`ReplaceDatanodeOnFailure`, and `DataStreamer`'s
//! `addDatanode2ExistingPipeline`).
//!
//! A pipeline that has lost a node can go on with the others; the NameNode has what is missing copied once the block
//! is complete. Until then its bytes are on fewer nodes than the user asked for, and a block that is written slowly may
//! stay open for days. So the writer may ask for another node. That one lacks the beginning of the block: a node that is left
//! sends it what it has, before the pipeline is set up again with both.
//!
//! That costs the time of a copy, in which the writer stands still. [`Policy`] says when it is worth it.

use std::collections::BTreeSet;

use crate::block::{DatanodeId, DatanodeInfo};

/// How many copies to a new node may fail before the writer gives the replacement up.
pub const TRANSFERS_MAX: usize = 3;

/// When a failed node is replaced (`dfs.client.block.write.replace-datanode-on-failure.policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Never.
    Never,
    /// When too few are left, or the user counts on what he has written: see [`is_wanted`].
    #[default]
    Default,
    /// Whenever one is missing.
    Always,
}

/// A pipeline that has lost nodes, as the policy looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// How many replicas the file's blocks should have (r).
    pub replication: usize,
    /// How many nodes are left in the pipeline (n).
    pub left: usize,
    /// The user has flushed bytes of this block, and so was promised that they are on every node of the pipeline.
    pub hflushed: bool,
    /// Every byte of the block is acknowledged; only its end is not (`PIPELINE_CLOSE`).
    pub closing: bool,
}

/// Whether a node should be added to a pipeline.
///
/// Never where none is left (nobody could send the beginning), where none is missing, or while the block is `closing`: it
/// is complete in a moment, and the NameNode has it copied then. Else [`Policy::Never`] says no, [`Policy::Always`] says yes, and
/// [`Policy::Default`], with r replicas wanted and n nodes left, says yes if r is at least 3 and
/// 1. n is half of r, rounded down, or less; or
/// 2. the block is hflushed.
pub fn is_wanted(policy: Policy, shortage: &Shortage) -> bool {
    let _ = (policy, shortage);
    todo!("hdfs/replace-datanode: is one missing, can it be added, and is that worth it?")
}

/// What to do next about a node that is to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the NameNode for a node (`getAdditionalDatanode`).
    Ask {
        /// Nodes that it shall not name, besides those that are left.
        exclude: Vec<DatanodeId>,
    },
    /// Have one node send its replica to another (`transferBlock`).
    Transfer {
        /// A node that is left.
        source: DatanodeInfo,
        /// The new one.
        target: DatanodeInfo,
    },
    /// The pipeline is set up again of these nodes, in this order.
    GoOn(Vec<DatanodeInfo>),
    /// The node cannot be replaced, and the file not be written without.
    GiveUp,
}

/// Who spoiled a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The sender cannot be heard, or has no replica that it could send.
    Source,
    /// The sender says that the receiver failed.
    Target,
}

/// A node of a pipeline that is being replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The nodes of the pipeline that are left, in their order; at least one.
    pub left: Vec<DatanodeInfo>,
    /// Nodes that failed.
    pub failed: BTreeSet<DatanodeId>,
    /// The new node, as long as it has not failed.
    pub target: Option<DatanodeInfo>,
    /// The new node has what the others have.
    pub transferred: bool,
    /// The NameNode has no further node.
    pub none_left: bool,
    /// How many copies failed.
    pub transfers_failed: usize,
    /// Of these, how many the sender spoiled.
    pub sources_failed: usize,
    /// Go on without, rather than fail (`dfs.client.block.write.replace-datanode-on-failure.best-effort`).
    pub best_effort: bool,
}

impl Replacement {
    /// Begins to replace a node. `failed` are all nodes that have failed in this file.
    pub fn new(
        left: Vec<DatanodeInfo>,
        failed: BTreeSet<DatanodeId>,
        best_effort: bool,
    ) -> Replacement {
        Replacement {
            left,
            failed,
            target: None,
            transferred: false,
            none_left: false,
            transfers_failed: 0,
            sources_failed: 0,
            best_effort,
        }
    }

    /// What to do next. Asking changes nothing.
    ///
    /// - Once the new node has the replica, the pipeline goes on with it, behind those that are left.
    /// - It cannot be had when the NameNode has none, or [`TRANSFERS_MAX`] copies have failed, whoever was to blame. Then the pipeline
    ///   goes on with those that are left, if that is allowed (`best_effort`); else the writer gives up.
    /// - Otherwise a node is asked for, where there is none at the moment, but none that has failed; and it is sent the replica by
    ///   the first node that is left. For each copy that a sender has spoiled, the next one is taken instead, and after
    ///   the last the first again.
    pub fn step(&self) -> Step {
        todo!("hdfs/replace-datanode: go on, give up, send, or ask.")
    }

    /// The NameNode named a node.
    pub fn on_target(&mut self, target: DatanodeInfo) {
        self.target = Some(target);
    }

    /// The NameNode has no node that would do.
    pub fn on_no_target(&mut self) {
        self.none_left = true;
    }

    /// The new node has what the others have acknowledged.
    pub fn on_transferred(&mut self) {
        self.transferred = self.target.is_some();
    }

    /// The copy failed. A receiver that is to blame is not asked for again, and another is; one that is not is kept, and gets the
    /// replica from another sender. (HDFS blames the receiver whoever it was: a cluster with one node to spare
    /// then has none.)
    pub fn on_transfer_failed(&mut self, blame: Blame) {
        let _ = blame;
        todo!("hdfs/replace-datanode: count it, and leave out who is to blame.")
    }

    /// Nodes that have failed so far, receivers of copies among them.
    pub fn failed(&self) -> &BTreeSet<DatanodeId> {
        &self.failed
    }
}
