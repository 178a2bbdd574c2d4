//! Waits for a node below that is lost: the writer hears nothing at all, and waits for ever.
//! caught-by: acks::acks_tell_of_a_lost_node_below

impl PacketResponder {
    fn ready(&mut self) -> Vec<PipelineAck> {
        let mut acks = Vec::new();
        while let Some(pending) = self.pending.front() {
            let Some(local) = pending.local else { break };
            let below = match &pending.below {
                Some(below) => below.clone(),
                None if self.has_downstream && local == AckStatus::Success => break,
                None => Vec::new(),
            };
            acks.push(PipelineAck {
                seqno: pending.seqno,
                replies: std::iter::once(local).chain(below).collect(),
            });
            self.pending.pop_front();
        }
        acks
    }
}
