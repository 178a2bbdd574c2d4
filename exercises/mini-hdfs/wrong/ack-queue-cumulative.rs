//! Takes an answer for one packet as one for all before it, as TCP does. Here each node answers for each packet: one
//! that skips some has lost them.
//! caught-by: ack_queue::ack_queue_does_not_believe_an_answer_out_of_turn

impl AckQueue {
    pub fn on_ack(&mut self, ack: &PipelineAck, nodes: usize) -> Result<u64, BadNode> {
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
        while let Some(packet) = self.sent.front().filter(|packet| packet.seqno <= ack.seqno) {
            self.acked_len = self.acked_len.max(packet.end());
            self.sent.pop_front();
        }
        Ok(self.acked_len)
    }
}
