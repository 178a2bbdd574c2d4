//! One queue with a mark between what is sent and what is not: sending and sending again only move the mark.
//! replaces: src/client/ack_queue.rs

//! Which packets every node of the pipeline has, in one queue.

use std::collections::VecDeque;

use crate::packet::{AckStatus, Packet, PipelineAck};

/// Packets that may wait in all.
pub const PACKETS_IN_FLIGHT_MAX: usize = 80;

/// The packets of one block on their way to the nodes of its pipeline.
#[derive(Clone, Debug, Default)]
pub struct AckQueue {
    /// Not acknowledged, in order.
    waiting: VecDeque<Packet>,
    /// How many of them, from the front, are sent.
    sent: usize,
    /// Packets forgotten: the number of the first that waits.
    acked: u64,
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
        self.waiting.len() >= PACKETS_IN_FLIGHT_MAX
    }

    /// Queues a packet for sending, gives it the next number, and returns that.
    pub fn push(&mut self, packet: Packet) -> u64 {
        let seqno = self.acked + self.waiting.len() as u64;
        self.end = packet.end();
        self.waiting.push_back(Packet { seqno, ..packet });
        seqno
    }

    /// The packet to send now.
    pub fn next_to_send(&mut self) -> Option<Packet> {
        let packet = self.waiting.get(self.sent)?.clone();
        self.sent += 1;
        Some(packet)
    }

    /// Hears the answer of a pipeline of `nodes` nodes.
    ///
    /// # Errors
    /// The node that is to blame.
    pub fn on_ack(&mut self, ack: &PipelineAck, nodes: usize) -> Result<u64, BadNode> {
        for index in 0..nodes.max(ack.replies.len()) {
            match ack.replies.get(index) {
                Some(AckStatus::Success) => {}
                Some(status) => return Err(BadNode::replied(index, *status)),
                None => return Err(BadNode::new(index, "did not answer")),
            }
        }
        if ack.seqno == self.acked && self.sent > 0 {
            self.sent -= 1;
            self.acked += 1;
            let end = self.waiting.pop_front().map_or(0, |packet| packet.end());
            self.acked_len = self.acked_len.max(end);
        } else if ack.seqno >= self.acked {
            return Err(BadNode::new(0, "acknowledged packets out of order"));
        }
        Ok(self.acked_len)
    }

    /// All that was sent waits to be sent again.
    pub fn requeue_unacked(&mut self) {
        self.sent = 0;
    }

    /// Bytes of the block that every node of the pipeline has.
    pub fn acked_len(&self) -> u64 {
        self.acked_len
    }

    /// Where the last packet pushed ends.
    pub fn len_pushed(&self) -> u64 {
        self.end
    }

    /// Whether the packet of this number is acknowledged.
    pub fn is_acked(&self, seqno: u64) -> bool {
        seqno < self.acked
    }

    /// Whether nothing waits.
    pub fn all_acked(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl BadNode {
    /// The node at this place, and what it did, as the end of a sentence.
    pub fn new(index: usize, reason: &str) -> BadNode {
        let reason = reason.to_owned();
        BadNode { index, reason }
    }

    /// The node at this place replied something else than `Success`.
    pub fn replied(index: usize, status: AckStatus) -> BadNode {
        BadNode::new(index, &format!("replied {status:?}"))
    }
}
