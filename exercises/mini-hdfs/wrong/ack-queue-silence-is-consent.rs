//! Takes an answer without a failure for an answer of all: the last node of the pipeline may be gone, and hflush
//! still returns.
//! caught-by: ack_queue::ack_queue_names_the_first_bad_node

impl AckQueue {
    pub fn on_ack(&mut self, ack: &PipelineAck, nodes: usize) -> Result<u64, BadNode> {
        let _ = nodes;
        let bad = ack
            .replies
            .iter()
            .position(|reply| *reply != AckStatus::Success);
        if let Some(index) = bad {
            return Err(BadNode::replied(index, ack.replies[index]));
        }
        match self.sent.front() {
            Some(packet) if packet.seqno == ack.seqno => {
                self.acked_len = self.acked_len.max(packet.end());
                self.sent.pop_front();
                Ok(self.acked_len)
            }
            _ if self.is_acked(ack.seqno) => Ok(self.acked_len),
            _ => Err(BadNode::new(0, "acknowledged packets out of order")),
        }
    }
}
