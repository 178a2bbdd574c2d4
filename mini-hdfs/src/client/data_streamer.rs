//! The life of a pipeline (`DataStreamer`): one block after another is asked for, set up, streamed, and rebuilt when a
//! node fails.
//!
//! ```text
//!             AddBlock ──▶ Connect ──▶ Stream ──▶ (last packet acknowledged: next block)
//!                ▲            │ a node    │ a node fails
//!                │            ▼ refuses   ▼
//!             Abandon ◀───────┘   (AdditionalDatanode ──▶ Transfer)
//!                                         │         ▲
//!                                         ▼         │ another node fails
//!                                   NewGeneration ──▶ Connect ──▶ UpdatePipeline ──▶ Stream
//! ```
//!
//! While no byte of a block is written yet, a failing node costs nothing: the block is given up and another asked for,
//! without that node. Later the bytes count: [`after_failure`] says with whom and from which byte the block goes on, under a
//! new generation stamp, so that what the lost node has is known as old, should it come back. Where [`is_wanted`]
//! says so, the node is replaced first. Whatever is missing after that, the NameNode has copied when the block is complete.

mod action;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write;

use super::ack_queue::{AckQueue, BadNode};
use super::packets;
use super::pipeline_recovery::{Pipeline, Recovery, Stage, after_failure};
use super::replace_datanode::{Blame, Replacement, Shortage, Step, is_wanted};
use crate::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp, LocatedBlock};
use crate::packet::{Packet, PipelineAck};
pub use action::{Action, Setup, WriteError, WriteSettings};

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    NeedsBlock,
    Abandoning,
    /// A failed node is being replaced.
    Replacing(Box<Replacement>),
    NeedsGeneration,
    Connecting(Option<GenerationStamp>),
    Updating(GenerationStamp),
    Streaming,
    Failed(WriteError),
}

/// Carries the blocks of one file through their pipelines.
#[derive(Clone, Debug)]
pub struct DataStreamer {
    settings: WriteSettings,
    state: State,
    queue: AckQueue,
    /// The current block; its length is set when it is finished.
    block: Block,
    /// While its pipeline is rebuilt: the block as those that are left have it, in its old generation.
    kept: Block,
    nodes: Vec<DatanodeInfo>,
    excluded: BTreeSet<DatanodeId>,
    /// Failures of nodes since the current block was asked for, each with its node's address.
    failures: Vec<(String, String)>,
    attempts: usize,
    /// The number of the packet that ends the block, once it is queued.
    last: Option<u64>,
    /// The user was promised that bytes of the current block are on every node.
    hflushed: bool,
}

impl DataStreamer {
    /// Before the first block.
    pub fn new(settings: WriteSettings) -> DataStreamer {
        DataStreamer {
            settings,
            state: State::NeedsBlock,
            queue: AckQueue::new(),
            block: Block::default(),
            kept: Block::default(),
            nodes: Vec::new(),
            excluded: BTreeSet::new(),
            failures: Vec::new(),
            attempts: 0,
            last: None,
            hflushed: false,
        }
    }

    /// What to do next. Asking changes nothing. While nothing was pushed, a new block need not be asked for.
    pub fn action(&self) -> Action {
        match &self.state {
            State::NeedsBlock => Action::AddBlock {
                exclude: self.excluded.iter().copied().collect(),
            },
            State::Abandoning => Action::Abandon(self.block),
            State::Replacing(replacement) => match replacement.step() {
                Step::Transfer { source, target } => Action::Transfer {
                    block: self.kept,
                    source,
                    target,
                },
                Step::Ask { exclude } => self.ask_for_node(exclude),
                // `replace` has left this state by then.
                Step::GoOn(_) | Step::GiveUp => Action::NewGeneration(self.block),
            },
            State::NeedsGeneration => Action::NewGeneration(self.block),
            State::Connecting(recovery) => Action::Connect(Setup {
                block: recovery.map_or(self.block, |_| self.kept),
                recovery: *recovery,
                nodes: self.nodes.clone(),
            }),
            State::Updating(generation) => Action::UpdatePipeline {
                old: self.block,
                new: Block {
                    generation: *generation,
                    ..self.kept
                },
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
        let stage = match self.state {
            State::Connecting(None) => Stage::Create {
                given_up: self.attempts,
            },
            _ => Stage::Written,
        };
        let pipeline = Pipeline {
            block: self.block,
            stage,
            nodes: &self.nodes,
            acked_len: self.queue.acked_len(),
        };
        let recovery = after_failure(&pipeline, &bad);
        let (Recovery::Abandon { failed }
        | Recovery::Rebuild { failed, .. }
        | Recovery::Fail { failed }) = recovery;
        self.excluded.insert(failed);
        let node = self.nodes.iter().find(|node| node.id == failed);
        let address = node.map_or_else(|| failed.to_string(), |node| node.address.clone());
        self.failures.push((address, bad.reason));
        self.queue.requeue_unacked();
        match (recovery, stage) {
            (Recovery::Abandon { .. }, _) => {
                self.attempts += 1;
                self.state = State::Abandoning;
            }
            (Recovery::Rebuild { left, block, .. }, _) => {
                self.nodes = left;
                self.kept = block;
                self.begin_rebuilding();
            }
            (Recovery::Fail { .. }, Stage::Create { .. }) => {
                self.attempts += 1;
                self.state = State::Failed(self.no_pipeline());
            }
            (Recovery::Fail { .. }, Stage::Written) => {
                self.nodes.clear();
                self.state = State::Failed(WriteError::AllNodesFailed {
                    block: self.block,
                    acked: self.queue.acked_len(),
                    reasons: self.reasons(),
                });
            }
        }
    }

    /// Replaces the node that failed, if that is worth it; then a new generation is due.
    fn begin_rebuilding(&mut self) {
        let shortage = Shortage {
            replication: self.settings.replication,
            left: self.nodes.len(),
            hflushed: self.hflushed,
            closing: self.last.is_some() && self.queue.acked_len() == self.queue.len_pushed(),
        };
        self.state = State::NeedsGeneration;
        if is_wanted(self.settings.policy, &shortage) {
            let (left, failed) = (self.nodes.clone(), self.excluded.clone());
            let replacement = Replacement::new(left, failed, self.settings.best_effort);
            self.state = State::Replacing(Box::new(replacement));
        }
    }

    /// Something has come of replacing a node.
    fn replace(&mut self, news: impl FnOnce(&mut Replacement)) {
        let State::Replacing(replacement) = &mut self.state else {
            return;
        };
        news(replacement);
        self.excluded.extend(replacement.failed());
        match replacement.step() {
            Step::Ask { .. } | Step::Transfer { .. } => {}
            Step::GoOn(nodes) => {
                self.nodes = nodes;
                self.state = State::NeedsGeneration;
            }
            Step::GiveUp => {
                self.state = State::Failed(WriteError::NoReplacement {
                    block: self.block,
                    left: self.nodes.len(),
                    replication: self.settings.replication,
                    reasons: self.reasons(),
                });
            }
        }
    }

    /// The NameNode named another node for the pipeline.
    pub fn on_additional(&mut self, node: DatanodeInfo) {
        self.replace(|replacement| replacement.on_target(node));
    }

    /// The NameNode has no other node, for a reason that is for people.
    pub fn on_no_additional(&mut self, reason: String) {
        self.failures.push(("the NameNode".to_owned(), reason));
        self.replace(Replacement::on_no_target);
    }

    /// The new node has the replica.
    pub fn on_transferred(&mut self) {
        self.replace(Replacement::on_transferred);
    }

    /// The replica could not be sent to the new node.
    pub fn on_transfer_failed(&mut self, blame: Blame, reason: String) {
        if let Action::Transfer { source, target, .. } = self.action() {
            let (from, to) = (source.address, target.address);
            self.failures.push((format!("{from} to {to}"), reason));
        }
        self.replace(|replacement| replacement.on_transfer_failed(blame));
    }

    fn ask_for_node(&self, exclude: Vec<DatanodeId>) -> Action {
        Action::AdditionalDatanode {
            block: self.block,
            existing: self.nodes.iter().map(|node| node.id).collect(),
            exclude,
        }
    }

    /// The user waits until what he has written so far is on every node, and will count on it.
    pub fn set_hflushed(&mut self) {
        self.hflushed = true;
    }

    /// The nodes that the current block is written to.
    pub fn nodes(&self) -> &[DatanodeInfo] {
        &self.nodes
    }

    /// The current block in the generation that the NameNode knows, with the length that every node has.
    pub fn acked(&self) -> Block {
        Block {
            len: self.queue.acked_len(),
            ..self.block
        }
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

    /// The finished block with its length, once its last packet is acknowledged; the streamer is then ready for the
    /// next block. Give it to the NameNode as `previous` of `addBlock`, or to `complete`.
    pub fn take_finished(&mut self) -> Option<Block> {
        if !self.queue.is_acked(self.last?) {
            return None;
        }
        let block = self.acked();
        *self = DataStreamer {
            excluded: std::mem::take(&mut self.excluded),
            ..DataStreamer::new(self.settings)
        };
        Some(block)
    }

    fn no_pipeline(&self) -> WriteError {
        WriteError::NoPipeline {
            attempts: self.attempts,
            reasons: self.reasons(),
        }
    }

    fn reasons(&self) -> String {
        let mut text = String::new();
        for (who, reason) in &self.failures {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n  {who}: {reason}");
        }
        text
    }
}
