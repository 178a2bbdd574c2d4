//! Once the node below is lost nothing that it said counts: a packet that every node has is called lost.
//! caught-by: acks::acks_that_came_before_the_node_below_was_lost_still_count

impl PacketResponder {
    fn ready(&mut self) -> Vec<PipelineAck> {
        let mut acks = Vec::new();
        while let Some(pending) = self.pending.front() {
            let Some(local) = pending.local else { break };
            let mut replies = vec![local];
            if self.downstream_lost {
                replies.push(AckStatus::Error);
            } else if let Some(below) = &pending.below {
                replies.extend(below);
            } else if self.has_downstream && local == AckStatus::Success {
                break;
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
