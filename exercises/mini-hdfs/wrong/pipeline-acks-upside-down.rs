//! Puts the replies of those below before its own: the writer throws out the node before the one that failed.
//! caught-by: acks::acks_from_below_pass_on_what_failed_there

impl PacketResponder {
    fn ready(&mut self) -> Vec<PipelineAck> {
        let mut acks = Vec::new();
        while let Some(pending) = self.pending.front() {
            let Some(local) = pending.local else { break };
            let mut replies = match &pending.below {
                Some(below) => below.clone(),
                None if !self.has_downstream || local != AckStatus::Success => Vec::new(),
                None if self.downstream_lost => vec![AckStatus::Error],
                None => break,
            };
            replies.push(local);
            acks.push(PipelineAck {
                seqno: pending.seqno,
                replies,
            });
            self.pending.pop_front();
        }
        acks
    }
}
