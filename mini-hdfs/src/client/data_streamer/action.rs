//! What a writer's core asks for: its next action, or the error with which it gives up.

use thiserror::Error;

use crate::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp};
use crate::client::replace_datanode::Policy;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteSettings {
    /// How many replicas its blocks should have.
    pub replication: usize,
    /// When a failed node is replaced (`dfs.client.block.write.replace-datanode-on-failure.policy`).
    pub policy: Policy,
    /// Where it cannot be, go on with the nodes that are left
    /// (`dfs.client.block.write.replace-datanode-on-failure.best-effort`).
    pub best_effort: bool,
}

impl WriteSettings {
    /// HDFS's defaults, for a file with so many replicas.
    pub fn new(replication: u16) -> WriteSettings {
        WriteSettings {
            replication: usize::from(replication),
            policy: Policy::Default,
            best_effort: false,
        }
    }
}

/// What the writer has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tell the NameNode that this block is given up (`abandonBlock`), then call [`DataStreamer::on_abandoned`](super::DataStreamer::on_abandoned).
    Abandon(Block),
    /// Ask the NameNode for a block (`addBlock`) without these nodes, then call [`DataStreamer::on_block`](super::DataStreamer::on_block), or
    /// [`DataStreamer::on_no_datanodes`](super::DataStreamer::on_no_datanodes).
    AddBlock {
        /// Nodes that failed in this file.
        exclude: Vec<DatanodeId>,
    },
    /// Ask the NameNode for another node for this block (`getAdditionalDatanode`), then call
    /// [`DataStreamer::on_additional`](super::DataStreamer::on_additional) or [`DataStreamer::on_no_additional`](super::DataStreamer::on_no_additional).
    AdditionalDatanode {
        /// The block, in the generation that the NameNode knows.
        block: Block,
        /// The nodes of its pipeline.
        existing: Vec<DatanodeId>,
        /// Nodes that failed in this file.
        exclude: Vec<DatanodeId>,
    },
    /// Have one DataNode send its replica to another (`transferBlock`), then call [`DataStreamer::on_transferred`](super::DataStreamer::on_transferred) or
    /// [`DataStreamer::on_transfer_failed`](super::DataStreamer::on_transfer_failed).
    Transfer {
        /// The block in its old generation, and with the length that the copy must have at least.
        block: Block,
        /// Who sends it.
        source: DatanodeInfo,
        /// Who gets it.
        target: DatanodeInfo,
    },
    /// Ask the NameNode for a new generation of this block (`updateBlockForPipeline`), then call
    /// [`DataStreamer::on_generation`](super::DataStreamer::on_generation).
    NewGeneration(Block),
    /// Connect to the first node and have it set up the pipeline, then call [`DataStreamer::on_connected`](super::DataStreamer::on_connected) or
    /// [`DataStreamer::on_node_failed`](super::DataStreamer::on_node_failed).
    Connect(Setup),
    /// Tell the NameNode of the rebuilt pipeline (`updatePipeline`), then call [`DataStreamer::on_pipeline_updated`](super::DataStreamer::on_pipeline_updated).
    UpdatePipeline {
        /// The block before.
        old: Block,
        /// The block from now on: its new generation, and the length that all nodes have.
        new: Block,
        /// The nodes that are left.
        nodes: Vec<DatanodeId>,
    },
    /// Send what [`DataStreamer::next_to_send`](super::DataStreamer::next_to_send) gives and hand answers to [`DataStreamer::on_ack`](super::DataStreamer::on_ack), until a node fails
    /// or the block is finished.
    Stream,
    /// Give up: the file cannot be written any further.
    Fail(WriteError),
}

/// The pipeline to set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The block; when a pipeline is rebuilt, in its old generation and with the length that all nodes have.
    pub block: Block,
    /// The generation to raise it to when a pipeline is rebuilt; none when the block is new.
    pub recovery: Option<GenerationStamp>,
    /// The nodes in order.
    pub nodes: Vec<DatanodeInfo>,
}

/// Why a file cannot be written any further.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WriteError {
    /// No pipeline for a new block could be set up, however often another was asked for.
    #[error("could not set up a pipeline for a new block, {attempts} times:{reasons}")]
    NoPipeline {
        /// How often it was tried.
        attempts: usize,
        /// Each node and its reason.
        reasons: String,
    },
    /// Every node of a pipeline failed while a block was written.
    #[error(
        "every DataNode that {block} was written to failed; {acked} bytes of it were acknowledged:{reasons}"
    )]
    AllNodesFailed {
        /// The block.
        block: Block,
        /// Bytes that all nodes had.
        acked: u64,
        /// Each node and its reason.
        reasons: String,
    },
    /// A failed node could not be replaced, and the settings do not allow to go on without.
    #[error(
        "a failed DataNode of the pipeline of {block} cannot be replaced, and {left} of {replication} are too few to go on \
         with (dfs.client.block.write.replace-datanode-on-failure.best-effort=true would, or its policy NEVER):{reasons}"
    )]
    NoReplacement {
        /// The block.
        block: Block,
        /// How many nodes are left in its pipeline.
        left: usize,
        /// How many replicas it should have.
        replication: usize,
        /// Each node that failed, and its reason; then why there is no other.
        reasons: String,
    },
}
