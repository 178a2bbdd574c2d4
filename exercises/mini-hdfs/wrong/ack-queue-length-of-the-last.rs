//! The length is where the last packet ends. A packet that carries the beginning of a chunk again may end earlier: then
//! bytes that were promised are cut off when the pipeline is rebuilt.
//! caught-by: ack_queue::ack_queue_length_never_shrinks

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
        match self.sent.front() {
            Some(packet) if packet.seqno == ack.seqno => {
                self.acked_len = packet.end();
                self.sent.pop_front();
                Ok(self.acked_len)
            }
            _ if self.is_acked(ack.seqno) => Ok(self.acked_len),
            _ => Err(BadNode::new(0, "acknowledged packets out of order")),
        }
    }
}
