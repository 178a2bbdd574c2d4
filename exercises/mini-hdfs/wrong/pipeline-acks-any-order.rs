//! Looks for the packet that an answer names, wherever it is in the queue: a node below that skips some, or repeats itself, is
//! trusted.
//! caught-by: acks::acks_out_of_order_are_refused

impl PacketResponder {
    pub fn downstream_ack(&mut self, ack: PipelineAck) -> Result<Vec<PipelineAck>, OutOfOrder> {
        let named = self.pending.iter_mut().find(|p| p.seqno == ack.seqno);
        let Some(pending) = named else {
            return Err(OutOfOrder {
                got: ack.seqno,
                expected: self.pending.front().map(|p| p.seqno),
            });
        };
        pending.below = Some(ack.replies);
        Ok(self.ready())
    }
}
