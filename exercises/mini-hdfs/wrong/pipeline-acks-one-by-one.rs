//! Decides only the packet that is named. Writes are reported for several at once, and those before the last one are never
//! acknowledged.
//! caught-by: acks::acks_go_up_together_when_several_become_ready

impl PacketResponder {
    pub fn local_written(&mut self, seqno: u64) -> Vec<PipelineAck> {
        for pending in self.pending.iter_mut().filter(|p| p.seqno == seqno) {
            if pending.local.is_none() && !pending.sync {
                pending.local = Some(AckStatus::Success);
            }
        }
        self.ready()
    }
}
