//! Which acknowledgements may go up a pipeline (`BlockReceiver.PacketResponder`).
//!
//! An acknowledgement is a promise of every node from here down. So a node sends one only for a packet that it has
//! itself -- on its disk, if the packet asks for that -- and that the node below has acknowledged; and always in the order of the
//! packets, however its own disk and the network below race each other. When the node below is lost, the
//! writer must learn of it: the acknowledgement then says that this node is well and the next one is not.

use std::collections::VecDeque;

use thiserror::Error;

use crate::packet::{AckStatus, PipelineAck};

/// A packet on its way through this node.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pending {
    seqno: u64,
    sync: bool,
    /// What became of it here; none while it is not decided.
    local: Option<AckStatus>,
    /// What the nodes below said.
    below: Option<Vec<AckStatus>>,
}

/// The acknowledgements of one pipeline at one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketResponder {
    has_downstream: bool,
    downstream_lost: bool,
    /// Packets that are not acknowledged yet, in order.
    pending: VecDeque<Pending>,
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

    /// A packet has arrived; from here on it is owed an acknowledgement. Packets arrive in order. Call it before the
    /// packet is forwarded.
    pub fn received(&mut self, seqno: u64, sync: bool) {
        self.pending.push_back(Pending {
            seqno,
            sync,
            local: None,
            below: None,
        });
    }

    /// The packet, and all before it, are written here, though perhaps not on the disk yet. That decides each of them that
    /// does not ask for a sync, and has not failed here. Returns the acknowledgements to send up now, in order.
    #[must_use]
    pub fn local_written(&mut self, seqno: u64) -> Vec<PipelineAck> {
        let _ = seqno;
        todo!("hdfs/pipeline-acks: written is enough for which packets?")
    }

    /// The packet, and all before it, are on the disk here. That decides each of them that has not failed here.
    #[must_use]
    pub fn local_synced(&mut self, seqno: u64) -> Vec<PipelineAck> {
        let _ = seqno;
        todo!("hdfs/pipeline-acks: on the disk is enough for all.")
    }

    /// The packet cannot be written here, for the reason that `status` gives, nor can any after it: all of them fail here. Those
    /// before it are not touched.
    #[must_use]
    pub fn local_failed(&mut self, seqno: u64, status: AckStatus) -> Vec<PipelineAck> {
        let _ = (seqno, status);
        todo!("hdfs/pipeline-acks: from this packet on all have failed here.")
    }

    /// The node below has answered; `ack` says what became of the packet on it and on those after it. It has to answer
    /// for every packet that has arrived here, each once, in their order, whether or not this node has written it yet.
    ///
    /// # Errors
    /// When that packet is not the next one to be answered for below; then nothing changes. The node below cannot be trusted
    /// any more: the caller goes on with [`PacketResponder::downstream_failed`].
    pub fn downstream_ack(&mut self, ack: PipelineAck) -> Result<Vec<PipelineAck>, OutOfOrder> {
        let _ = ack;
        todo!("hdfs/pipeline-acks: is it the one that is due? Then keep what it says.")
    }

    /// The node below cannot be heard any more. Every packet that it has not answered for fails there.
    #[must_use]
    pub fn downstream_failed(&mut self) -> Vec<PipelineAck> {
        self.downstream_lost = true;
        self.ready()
    }

    /// Whether every packet that has arrived is acknowledged.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Takes the packets from the front that can be acknowledged now, and returns their acknowledgements in order.
    ///
    /// A packet can when it is decided here, and each packet before it can. Its first reply is what became of it here. After that
    /// come the replies of the nodes below: those that they gave; none in the last node of a pipeline; a single `Error`
    /// when the node below was lost before it answered; otherwise the packet waits for them. One that failed here waits
    /// for nobody: where those below have not answered, its only reply is that it failed.
    fn ready(&mut self) -> Vec<PipelineAck> {
        todo!("hdfs/pipeline-acks: which packets at the front are decided, here and below?")
    }
}
