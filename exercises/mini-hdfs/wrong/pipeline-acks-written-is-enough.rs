//! Acknowledges a packet that asks for a sync when it is written: after a power cut the bytes that hsync promised are
//! gone.
//! caught-by: acks::acks_of_sync_packets_wait_for_the_disk

impl PacketResponder {
    pub fn local_written(&mut self, seqno: u64) -> Vec<PipelineAck> {
        for pending in self.pending.iter_mut().filter(|p| p.seqno <= seqno) {
            pending.local.get_or_insert(AckStatus::Success);
        }
        self.ready()
    }
}
