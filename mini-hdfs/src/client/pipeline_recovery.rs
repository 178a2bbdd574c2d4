//! What a writer does when a node of its pipeline fails (`DataStreamer.processDatanodeOrExternalError`,
//! `handleBadDatanode`).
//!
//! Nobody tells a node that it is out. It may be cut off, and come back tomorrow with what it had; it may be
//! alive, and only the writer cannot reach it. So those that are left must be told apart from it for good, and that is what
//! the block's *generation stamp* is for: it is raised before another byte goes on, on the replicas of those that are left,
//! and at the NameNode. Three parties agree on it, each with a decision of its own:
//!
//! - the writer says who goes on, and from which byte: [`after_failure`], here;
//! - each node says whether its replica is one that can go on:
//!   [`recovered`](crate::datanode::rebuild::recovered);
//! - the NameNode says whose replica is out of date from then on:
//!   [`left_behind`](crate::namenode::left_behind::left_behind).

use super::ack_queue::BadNode;
use crate::block::{Block, DatanodeId, DatanodeInfo};

/// How often another block is asked for when a pipeline cannot be set up (`dfs.client.block.write.retries`).
pub const BLOCK_WRITE_RETRIES: usize = 3;

/// How far the writing of a block was when a node failed (`BlockConstructionStage`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The block is new and its pipeline was just being set up: no byte of it is anywhere (`PIPELINE_SETUP_CREATE`).
    Create {
        /// How many new blocks of this file were given up before this one, one after the other.
        given_up: usize,
    },
    /// Bytes were sent, or could have been; or the pipeline broke before, and was being rebuilt (`DATA_STREAMING`,
    /// `PIPELINE_SETUP_STREAMING_RECOVERY`, `PIPELINE_CLOSE`).
    Written,
}

/// A pipeline before one of its nodes failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pipeline<'a> {
    /// The block in the generation that the NameNode knows. Its length is not looked at.
    pub block: Block,
    /// How far it was.
    pub stage: Stage,
    /// Its nodes in order; at least one.
    pub nodes: &'a [DatanodeInfo],
    /// Bytes that every one of them has acknowledged.
    pub acked_len: u64,
}

/// How it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Give the block up, and ask for another one.
    Abandon {
        /// The node that failed: the next pipeline had better not contain it.
        failed: DatanodeId,
    },
    /// Rebuild the pipeline, under a new generation.
    Rebuild {
        /// The node that failed.
        failed: DatanodeId,
        /// The nodes that are left, in the order that they had.
        left: Vec<DatanodeInfo>,
        /// The block in its old generation, and with the length that each of those replicas is cut to. What is beyond is sent
        /// again.
        block: Block,
    },
    /// There is nothing to go on with.
    Fail {
        /// The node that failed.
        failed: DatanodeId,
    },
}

/// What to do after the node `bad` of a pipeline has failed. [`BadNode::index`] is its place; one beyond the pipeline
/// stands for the first node, the one that the writer is connected to.
///
/// - A new block ([`Stage::Create`]) is given up, since that costs nothing -- unless [`BLOCK_WRITE_RETRIES`] were
///   given up before it: then the writer has tried often enough, and fails.
/// - Otherwise bytes are at stake, and the pipeline is rebuilt of the nodes that are left. Their replicas may differ by what was
///   on its way, and agree on what is acknowledged.
/// - Where no node is left, the writer fails.
pub fn after_failure(pipeline: &Pipeline<'_>, bad: &BadNode) -> Recovery {
    // EXERCISE(hdfs/pipeline-recovery): who failed, who is left, and what do those have in common?
    let index = if bad.index < pipeline.nodes.len() {
        bad.index
    } else {
        0
    };
    let mut left = pipeline.nodes.to_vec();
    let failed = left.remove(index).id;
    match pipeline.stage {
        Stage::Create { given_up } if given_up >= BLOCK_WRITE_RETRIES => Recovery::Fail { failed },
        Stage::Create { .. } => Recovery::Abandon { failed },
        Stage::Written if left.is_empty() => Recovery::Fail { failed },
        Stage::Written => Recovery::Rebuild {
            failed,
            left,
            block: Block {
                len: pipeline.acked_len,
                ..pipeline.block
            },
        },
    }
}
