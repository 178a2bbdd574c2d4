//! A packet that failed here waits for the node below. It was never sent there, so nobody is ever told.
//! caught-by: acks::acks_tell_of_a_failure_here

impl PacketResponder {
    fn ready(&mut self) -> Vec<PipelineAck> {
        let mut acks = Vec::new();
        while let Some(pending) = self.pending.front() {
            let Some(local) = pending.local else { break };
            let below = match &pending.below {
                Some(below) => below.clone(),
                None if !self.has_downstream => Vec::new(),
                None if self.downstream_lost => vec![AckStatus::Error],
                None => break,
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
