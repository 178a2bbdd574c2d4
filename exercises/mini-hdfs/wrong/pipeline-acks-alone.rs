//! Takes itself for the last node when the one below is lost: the writer hears one reply too few, and has to guess
//! what is wrong.
//! caught-by: acks::acks_tell_of_a_lost_node_below

impl PacketResponder {
    fn ready(&mut self) -> Vec<PipelineAck> {
        let mut acks = Vec::new();
        while let Some(pending) = self.pending.front() {
            let Some(local) = pending.local else { break };
            let mut replies = vec![local];
            match &pending.below {
                Some(below) => replies.extend(below),
                None if !self.has_downstream || self.downstream_lost => {}
                None if local != AckStatus::Success => {}
                None => break,
            }
            acks.push(PipelineAck {
                seqno: pending.seqno,
                replies,
            });
            self.pending.pop_front();
        }
        acks
    }
}
