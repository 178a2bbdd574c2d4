//! Forgets the packet before it looks at what the nodes said: one that a node refused is never sent again.
//! caught-by: ack_queue::ack_queue_sends_again_what_a_node_refused

impl AckQueue {
    pub fn on_ack(&mut self, ack: &PipelineAck, nodes: usize) -> Result<u64, BadNode> {
        if self.is_acked(ack.seqno) {
            return Ok(self.acked_len);
        }
        let due = self.sent.pop_front();
        let bad = ack
            .replies
            .iter()
            .position(|reply| *reply != AckStatus::Success);
        if let Some(index) = bad {
            return Err(BadNode::replied(index, ack.replies[index]));
        }
        if ack.replies.len() < nodes {
            return Err(BadNode::new(ack.replies.len(), "did not answer"));
        }
        match due {
            Some(packet) if packet.seqno == ack.seqno => {
                self.acked_len = self.acked_len.max(packet.end());
                Ok(self.acked_len)
            }
            _ => Err(BadNode::new(0, "acknowledged packets out of order")),
        }
    }
}
