//! Which packets every node of the pipeline has (`DataStreamer`'s `dataQueue` and `ackQueue`).
//!
//! A packet waits in the data queue to be sent, then in the ack queue to be acknowledged, and is forgotten only when
//! every node of the pipeline has said that it has it. When a node fails, what waits in the ack queue goes back to the
//! front of the data queue, in order, and is sent again down the rebuilt pipeline: nobody knows which of the nodes that
//! are left had received it.

use std::collections::VecDeque;

use crate::packet::{AckStatus, Packet, PipelineAck};

/// Packets that may wait in both queues together (`dfs.client.write.max-packets-in-flight`): what bounds a writer's
/// memory, and how far it may run ahead of the slowest node.
pub const PACKETS_IN_FLIGHT_MAX: usize = 80;

/// The packets of one block on their way to the nodes of its pipeline.
#[derive(Clone, Debug, Default)]
pub struct AckQueue {
    /// Not sent yet, in order.
    to_send: VecDeque<Packet>,
    /// Sent and not acknowledged, in order; all of them before those in `to_send`.
    sent: VecDeque<Packet>,
    next_seqno: u64,
    /// Where the last packet pushed ends.
    end: u64,
    acked_len: u64,
}

/// A node of the pipeline that must be left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadNode {
    /// Its place in the pipeline, from 0.
    pub index: usize,
    /// What it did, as the end of a sentence.
    pub reason: String,
}

impl AckQueue {
    /// An empty queue, for a new block.
    pub fn new() -> AckQueue {
        AckQueue::default()
    }

    /// Whether a writer must wait for acknowledgements before it pushes more.
    pub fn is_full(&self) -> bool {
        self.to_send.len() + self.sent.len() >= PACKETS_IN_FLIGHT_MAX
    }

    /// Queues a packet for sending, gives it the next number, and returns that.
    pub fn push(&mut self, mut packet: Packet) -> u64 {
        packet.seqno = self.next_seqno;
        self.next_seqno += 1;
        self.end = packet.end();
        self.to_send.push_back(packet);
        self.next_seqno - 1
    }

    /// The packet to send now, the oldest that waits to be sent. From here on it waits for its acknowledgement.
    pub fn next_to_send(&mut self) -> Option<Packet> {
        todo!("hdfs/ack-queue: it is sent, but not forgotten.")
    }

    /// Hears the answer of a pipeline of `nodes` nodes to one packet. Returns the length of the block that all of them have
    /// ([`AckQueue::acked_len`]), and forgets the packet.
    ///
    /// Acknowledgements come in the order of the packets. One for a packet that is acknowledged already changes nothing. A
    /// packet may end before an earlier one did (it carries the beginning of a chunk again); the length never shrinks.
    ///
    /// # Errors
    /// The first node, by its place, that is to blame; then nothing changes, and the caller rebuilds the pipeline and calls
    /// [`AckQueue::requeue_unacked`].
    /// - A node's reply is not `Success`, whichever packet it is about: that node.
    /// - There are fewer replies than nodes: the node after the last that replied.
    /// - All is well, but the packet is neither the oldest that waits for its acknowledgement nor acknowledged already: node
    ///   0, since that is the one that we hear.
    pub fn on_ack(&mut self, ack: &PipelineAck, nodes: usize) -> Result<u64, BadNode> {
        let _ = (ack, nodes);
        todo!("hdfs/ack-queue: every node has it: forget it. Otherwise: whose fault is it?")
    }

    /// Puts every packet that was sent and not acknowledged back in front of those that wait to be sent, in order: each will be
    /// sent again, unchanged.
    pub fn requeue_unacked(&mut self) {
        todo!("hdfs/ack-queue: all that was sent waits to be sent again, oldest first.")
    }

    /// Bytes of the block that every node of the pipeline has.
    pub fn acked_len(&self) -> u64 {
        self.acked_len
    }

    /// Where the last packet pushed ends: the block's length as the writer knows it.
    pub fn len_pushed(&self) -> u64 {
        self.end
    }

    /// Whether the packet of this number, and so each before it, is acknowledged. One that was not pushed yet is not; one
    /// that waits to be sent again is not either.
    pub fn is_acked(&self, seqno: u64) -> bool {
        let _ = seqno;
        todo!("hdfs/ack-queue: is it pushed, and does it wait in neither queue?")
    }

    /// Whether nothing waits, neither to be sent nor to be acknowledged.
    pub fn all_acked(&self) -> bool {
        self.to_send.is_empty() && self.sent.is_empty()
    }
}

impl BadNode {
    /// The node at this place, and what it did, as the end of a sentence.
    pub fn new(index: usize, reason: &str) -> BadNode {
        BadNode {
            index,
            reason: reason.to_owned(),
        }
    }

    /// The node at this place replied something else than `Success`.
    pub fn replied(index: usize, status: AckStatus) -> BadNode {
        let reason = match status {
            AckStatus::ErrorChecksum => "got data that does not match its checksums",
            _ => "failed or could not be heard",
        };
        BadNode::new(index, reason)
    }
}
