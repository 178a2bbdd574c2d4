//! The life of a pipeline (`DataStreamer`): one block after another is asked for, set up, streamed, and rebuilt when a
//! node fails.
//!
//! ```text
//!             AddBlock ──▶ Connect ──▶ Stream ──▶ (last packet acknowledged: next block)
//!                ▲            │ a node    │ a node fails
//!                │            ▼ refuses   ▼
//!             Abandon ◀───────┘     NewGeneration ──▶ Connect ──▶ UpdatePipeline ──▶ Stream
//!                                         ▲              │ another node fails
//!                                         └──────────────┘
//! ```
//!
//! While no byte of a block is written yet, a failing node costs nothing: the block is given up and another asked for,
//! without that node. Later the bytes count: the nodes that are left go on with the block under a new generation stamp,
//! so that what the lost node has is known as old, should it come back. The NameNode has the block copied to further
//! nodes when it is complete.

use std::collections::BTreeSet;
use std::fmt::Write;

use thiserror::Error;

use super::ack_queue::{AckQueue, BadNode};
use super::packets;
use crate::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp, LocatedBlock};
use crate::packet::{Packet, PipelineAck};

/// How often another block is asked for when a pipeline cannot be set up (`dfs.client.block.write.retries`).
pub const BLOCK_WRITE_RETRIES: usize = 3;

/// What the writer has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tell the NameNode that this block is given up (`abandonBlock`), then call [`DataStreamer::on_abandoned`].
    Abandon(Block),
    /// Ask the NameNode for a block (`addBlock`) without these nodes, then call [`DataStreamer::on_block`], or
    /// [`DataStreamer::on_no_datanodes`].
    AddBlock {
        /// Nodes that failed in this file.
        exclude: Vec<DatanodeId>,
    },
    /// Ask the NameNode for a new generation of this block (`updateBlockForPipeline`), then call
    /// [`DataStreamer::on_generation`].
    NewGeneration(Block),
    /// Connect to the first node and have it set up the pipeline, then call [`DataStreamer::on_connected`] or
    /// [`DataStreamer::on_node_failed`].
    Connect(Setup),
    /// Tell the NameNode of the rebuilt pipeline (`updatePipeline`), then call [`DataStreamer::on_pipeline_updated`].
    UpdatePipeline {
        /// The block before.
        old: Block,
        /// The block from now on: its new generation, and the length that all nodes have.
        new: Block,
        /// The nodes that are left.
        nodes: Vec<DatanodeId>,
    },
    /// Send what [`DataStreamer::next_to_send`] gives and hand answers to [`DataStreamer::on_ack`], until a node fails
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
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    NeedsBlock,
    Abandoning,
    NeedsGeneration,
    Connecting(Option<GenerationStamp>),
    Updating(GenerationStamp),
    Streaming,
    Failed(WriteError),
}

/// Carries the blocks of one file through their pipelines.
#[derive(Clone, Debug)]
pub struct DataStreamer {
    state: State,
    queue: AckQueue,
    /// The current block; its length is set when it is finished.
    block: Block,
    nodes: Vec<DatanodeInfo>,
    excluded: BTreeSet<DatanodeId>,
    /// Failures of nodes since the current block was asked for.
    failures: Vec<(DatanodeInfo, String)>,
    attempts: usize,
    /// The number of the packet that ends the block, once it is queued.
    last: Option<u64>,
}

impl Default for DataStreamer {
    fn default() -> Self {
        DataStreamer::new()
    }
}

impl DataStreamer {
    /// Before the first block.
    pub fn new() -> DataStreamer {
        DataStreamer {
            state: State::NeedsBlock,
            queue: AckQueue::new(),
            block: Block::default(),
            nodes: Vec::new(),
            excluded: BTreeSet::new(),
            failures: Vec::new(),
            attempts: 0,
            last: None,
        }
    }

    /// What to do next. Asking changes nothing. While nothing was pushed, a new block need not be asked for.
    pub fn action(&self) -> Action {
        match &self.state {
            State::NeedsBlock => Action::AddBlock {
                exclude: self.excluded.iter().copied().collect(),
            },
            State::Abandoning => Action::Abandon(self.block),
            State::NeedsGeneration => Action::NewGeneration(self.block),
            State::Connecting(recovery) => Action::Connect(Setup {
                block: self.acked_block(self.block.generation),
                recovery: *recovery,
                nodes: self.nodes.clone(),
            }),
            State::Updating(generation) => Action::UpdatePipeline {
                old: self.block,
                new: self.acked_block(*generation),
                nodes: self.nodes.iter().map(|node| node.id).collect(),
            },
            State::Streaming => Action::Stream,
            State::Failed(error) => Action::Fail(error.clone()),
        }
    }

    /// The NameNode gave a block and its pipeline.
    pub fn on_block(&mut self, located: LocatedBlock) {
        self.block = located.block;
        self.nodes = located.locations;
        self.state = State::Connecting(None);
        if self.nodes.is_empty() {
            self.state = State::Failed(self.no_pipeline());
        }
    }

    /// The NameNode has no node besides the excluded ones. True: those get another chance, ask again. False: there were
    /// none.
    pub fn on_no_datanodes(&mut self) -> bool {
        !std::mem::take(&mut self.excluded).is_empty()
    }

    /// The NameNode has forgotten the block that was given up.
    pub fn on_abandoned(&mut self) {
        self.state = State::NeedsBlock;
    }

    /// The NameNode gave a new generation.
    pub fn on_generation(&mut self, generation: GenerationStamp) {
        self.state = State::Connecting(Some(generation));
    }

    /// Every node of the pipeline has accepted the block.
    pub fn on_connected(&mut self) {
        self.state = match self.state {
            State::Connecting(Some(generation)) => State::Updating(generation),
            _ => State::Streaming,
        };
    }

    /// The NameNode knows the rebuilt pipeline.
    pub fn on_pipeline_updated(&mut self) {
        if let State::Updating(generation) = self.state {
            self.block.generation = generation;
            self.state = State::Streaming;
        }
    }

    /// A node failed, while the pipeline was set up or later. The index is that in the current pipeline; one beyond it
    /// stands for the first node, the one that the writer is connected to.
    pub fn on_node_failed(&mut self, bad: BadNode) {
        if self.nodes.is_empty() {
            return;
        }
        let index = if bad.index < self.nodes.len() {
            bad.index
        } else {
            0
        };
        let node = self.nodes.remove(index);
        self.excluded.insert(node.id);
        self.failures.push((node, bad.reason));
        if self.state == State::Connecting(None) {
            self.attempts += 1;
            self.state = if self.attempts > BLOCK_WRITE_RETRIES {
                State::Failed(self.no_pipeline())
            } else {
                State::Abandoning
            };
            return;
        }
        self.queue.requeue_unacked();
        self.state = if self.nodes.is_empty() {
            State::Failed(WriteError::AllNodesFailed {
                block: self.block,
                acked: self.queue.acked_len(),
                reasons: self.reasons(),
            })
        } else {
            State::NeedsGeneration
        };
    }

    /// Hears an answer of the pipeline; one that names a failed node leads to [`DataStreamer::on_node_failed`].
    pub fn on_ack(&mut self, ack: &PipelineAck) {
        if self.state != State::Streaming {
            return;
        }
        if let Err(bad) = self.queue.on_ack(ack, self.nodes.len()) {
            self.on_node_failed(bad);
        }
    }

    /// Whether a writer must wait before it pushes more.
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Whether nothing waits to be sent or acknowledged.
    pub fn all_acked(&self) -> bool {
        self.queue.all_acked()
    }

    /// Whether the packet of this number in the current block is acknowledged.
    pub fn is_acked(&self, seqno: u64) -> bool {
        self.queue.is_acked(seqno)
    }

    /// Queues a packet of the current block and returns its number.
    pub fn push(&mut self, packet: Packet) -> u64 {
        let last = packet.last;
        let seqno = self.queue.push(packet);
        if last {
            self.last = Some(seqno);
        }
        seqno
    }

    /// Queues a packet without data, whose acknowledgement shows that an idle pipeline lives (`heartbeat packet`).
    pub fn push_heartbeat(&mut self) {
        let len = self.queue.len_pushed();
        self.queue.push(packets::empty(len));
    }

    /// The next packet to send down the pipeline; none while there is no pipeline.
    pub fn next_to_send(&mut self) -> Option<Packet> {
        match self.state {
            State::Streaming => self.queue.next_to_send(),
            _ => None,
        }
    }

    /// The current block with the length that is acknowledged, and its pipeline.
    pub fn acknowledged(&self) -> (Block, &[DatanodeInfo]) {
        (self.acked_block(self.block.generation), &self.nodes)
    }

    /// The finished block with its length, once its last packet is acknowledged; the streamer is then ready for the
    /// next block. Give it to the NameNode as `previous` of `addBlock`, or to `complete`.
    pub fn take_finished(&mut self) -> Option<Block> {
        if !self.queue.is_acked(self.last?) {
            return None;
        }
        let block = self.acked_block(self.block.generation);
        *self = DataStreamer {
            excluded: std::mem::take(&mut self.excluded),
            ..DataStreamer::new()
        };
        Some(block)
    }

    fn acked_block(&self, generation: GenerationStamp) -> Block {
        Block {
            generation,
            len: self.queue.acked_len(),
            ..self.block
        }
    }

    fn no_pipeline(&self) -> WriteError {
        WriteError::NoPipeline {
            attempts: self.attempts,
            reasons: self.reasons(),
        }
    }

    fn reasons(&self) -> String {
        let mut text = String::new();
        for (node, reason) in &self.failures {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {}: {reason}", node.address);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::AckStatus;

    fn located(id: u64, nodes: &[u64]) -> LocatedBlock {
        LocatedBlock {
            block: Block::new(id, 1001, 0),
            offset: 0,
            locations: nodes
                .iter()
                .map(|n| DatanodeInfo {
                    id: DatanodeId(*n),
                    hostname: String::new(),
                    address: format!("node{n}"),
                    rack: String::new(),
                })
                .collect(),
            corrupt: false,
            under_construction: true,
        }
    }

    fn bad(index: usize) -> BadNode {
        BadNode {
            index,
            reason: "is gone".into(),
        }
    }

    fn ack_all(streamer: &mut DataStreamer, nodes: usize) {
        while let Some(packet) = streamer.next_to_send() {
            streamer.on_ack(&PipelineAck {
                seqno: packet.seqno,
                replies: vec![AckStatus::Success; nodes],
            });
        }
    }

    #[test]
    fn a_node_that_fails_before_the_first_byte_costs_the_block_only() {
        let mut streamer = DataStreamer::new();
        streamer.on_block(located(1, &[1, 2, 3]));
        streamer.on_node_failed(bad(1));
        assert_eq!(streamer.action(), Action::Abandon(Block::new(1, 1001, 0)));
        streamer.on_abandoned();
        let exclude = vec![DatanodeId(2)];
        assert_eq!(streamer.action(), Action::AddBlock { exclude });
        assert!(streamer.on_no_datanodes());
        assert_eq!(streamer.action(), Action::AddBlock { exclude: vec![] });
        assert!(!streamer.on_no_datanodes());
        for _ in 0..BLOCK_WRITE_RETRIES {
            streamer.on_block(located(2, &[1]));
            streamer.on_node_failed(bad(0));
        }
        assert!(matches!(
            streamer.action(),
            Action::Fail(WriteError::NoPipeline { attempts: 4, .. })
        ));
    }

    #[test]
    fn survivors_go_on_under_a_new_generation_from_what_all_of_them_have() {
        let mut streamer = DataStreamer::new();
        streamer.on_block(located(1, &[1, 2, 3]));
        streamer.on_connected();
        streamer.push(Packet::new(0, 0, [1; 512]));
        ack_all(&mut streamer, 3);
        streamer.push(Packet::new(0, 512, [2; 100]));
        streamer.push(Packet {
            last: true,
            ..packets::empty(612)
        });
        let lost = streamer.next_to_send();
        streamer.on_ack(&PipelineAck {
            seqno: 1,
            replies: vec![AckStatus::Success, AckStatus::Error],
        });
        assert_eq!(streamer.next_to_send(), None, "there is no pipeline");
        assert_eq!(
            streamer.action(),
            Action::NewGeneration(Block::new(1, 1001, 0))
        );
        streamer.on_generation(GenerationStamp(1002));
        streamer.on_node_failed(bad(1)); // Node 3 refuses.
        streamer.on_generation(GenerationStamp(1003));
        let nodes = located(1, &[1]).locations;
        let (block, recovery) = (Block::new(1, 1001, 512), Some(GenerationStamp(1003)));
        let setup = Setup {
            block,
            recovery,
            nodes,
        };
        assert_eq!(streamer.action(), Action::Connect(setup));
        streamer.on_connected();
        let (old, new, nodes) = (
            Block::new(1, 1001, 0),
            Block::new(1, 1003, 512),
            vec![DatanodeId(1)],
        );
        assert_eq!(
            streamer.action(),
            Action::UpdatePipeline { old, new, nodes }
        );
        streamer.on_pipeline_updated();
        assert_eq!(streamer.take_finished(), None);
        assert_eq!(
            streamer.next_to_send(),
            lost,
            "the packet in flight is sent again"
        );
        streamer.on_ack(&PipelineAck {
            seqno: 1,
            replies: vec![AckStatus::Success],
        });
        ack_all(&mut streamer, 1);
        assert_eq!(streamer.take_finished(), Some(Block::new(1, 1003, 612)));
        let exclude = vec![DatanodeId(2), DatanodeId(3)];
        assert_eq!(streamer.action(), Action::AddBlock { exclude });
    }

    #[test]
    fn when_no_node_is_left_the_error_names_each() {
        let mut streamer = DataStreamer::new();
        streamer.on_block(located(1, &[1, 2]));
        streamer.on_connected();
        streamer.on_node_failed(bad(0));
        streamer.on_node_failed(bad(7));
        let Action::Fail(error) = streamer.action() else {
            panic!("expected a failure, not {:?}", streamer.action());
        };
        assert_eq!(
            error.to_string(),
            "every DataNode that blk_1_1001 was written to failed; 0 bytes of it were acknowledged:\
             \n  node1: is gone\n  node2: is gone"
        );
    }
}
