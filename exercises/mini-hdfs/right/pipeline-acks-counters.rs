//! Counts how far the disk and the node below have come, instead of noting it at each packet.
//! replaces: src/datanode/packet_responder.rs

//! Which acknowledgements may go up a pipeline, by counting.

use std::collections::{BTreeMap, VecDeque};

use thiserror::Error;

use crate::packet::{AckStatus, PipelineAck};

/// The acknowledgements of one pipeline at one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketResponder {
    has_downstream: bool,
    downstream_lost: bool,
    /// Number and sync of each packet that has arrived and is not acknowledged.
    owed: VecDeque<(u64, bool)>,
    /// One more than the last packet that arrived, is written, is synced, was answered for below.
    arrived: u64,
    written: u64,
    synced: u64,
    answered: u64,
    /// Replies of those below that wait for this node.
    below: BTreeMap<u64, Vec<AckStatus>>,
    /// From which packet on this node failed, and why.
    failed: Option<(u64, AckStatus)>,
}

/// The node below acknowledged a packet that is not the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the next node acknowledged packet {got}, and {expected:?} was due")]
pub struct OutOfOrder {
    /// What it acknowledged.
    pub got: u64,
    /// What it should have; none if nothing was due.
    pub expected: Option<u64>,
}

impl PacketResponder {
    /// For a node of a pipeline, with or without a node after it.
    pub fn new(has_downstream: bool) -> PacketResponder {
        PacketResponder {
            has_downstream,
            ..PacketResponder::default()
        }
    }

    /// A packet has arrived.
    pub fn received(&mut self, seqno: u64, sync: bool) {
        if self.owed.is_empty() {
            self.answered = self.answered.max(seqno);
        }
        self.owed.push_back((seqno, sync));
        self.arrived = seqno + 1;
    }

    /// Written up to here.
    #[must_use]
    pub fn local_written(&mut self, seqno: u64) -> Vec<PipelineAck> {
        self.written = self.written.max(seqno + 1);
        self.acknowledge()
    }

    /// On the disk up to here.
    #[must_use]
    pub fn local_synced(&mut self, seqno: u64) -> Vec<PipelineAck> {
        self.synced = self.synced.max(seqno + 1);
        self.local_written(seqno)
    }

    /// Failed from here on.
    #[must_use]
    pub fn local_failed(&mut self, seqno: u64, status: AckStatus) -> Vec<PipelineAck> {
        self.failed = Some((seqno, status));
        self.acknowledge()
    }

    /// The node below has answered.
    ///
    /// # Errors
    /// When it is not that packet's turn.
    pub fn downstream_ack(&mut self, ack: PipelineAck) -> Result<Vec<PipelineAck>, OutOfOrder> {
        let expected = (self.answered < self.arrived).then_some(self.answered);
        let got = ack.seqno;
        if expected != Some(got) {
            return Err(OutOfOrder { got, expected });
        }
        self.answered += 1;
        self.below.insert(got, ack.replies);
        Ok(self.acknowledge())
    }

    /// The node below cannot be heard any more.
    #[must_use]
    pub fn downstream_failed(&mut self) -> Vec<PipelineAck> {
        self.downstream_lost = true;
        self.acknowledge()
    }

    /// Whether every packet that has arrived is acknowledged.
    pub fn is_idle(&self) -> bool {
        self.owed.is_empty()
    }

    fn acknowledge(&mut self) -> Vec<PipelineAck> {
        let mut acks = Vec::new();
        while let Some(replies) = self.owed.front().and_then(|owed| self.replies(*owed)) {
            if let Some((seqno, _)) = self.owed.pop_front() {
                self.below.remove(&seqno);
                acks.push(PipelineAck { seqno, replies });
            }
        }
        acks
    }

    fn replies(&self, (seqno, sync): (u64, bool)) -> Option<Vec<AckStatus>> {
        let below = self.below.get(&seqno).cloned();
        if let Some((_, status)) = self.failed.filter(|(first, _)| *first <= seqno) {
            return Some([vec![status], below.unwrap_or_default()].concat());
        }
        if seqno >= if sync { self.synced } else { self.written } {
            return None;
        }
        let below = match below {
            Some(below) => below,
            None if !self.has_downstream => Vec::new(),
            None if self.downstream_lost => vec![AckStatus::Error],
            None => return None,
        };
        Some([vec![AckStatus::Success], below].concat())
    }
}
