//! A failure takes back what was written before it: the writer sends again what this node has, and throws it out too early.
//! caught-by: acks::acks_tell_of_a_failure_here

impl PacketResponder {
    pub fn local_failed(&mut self, seqno: u64, status: AckStatus) -> Vec<PipelineAck> {
        let _ = seqno;
        for pending in &mut self.pending {
            pending.local = Some(status);
        }
        self.ready()
    }
}
