//! Expects the node below to answer only for the packet at the front. Its disk may be faster than this one: it answers for
//! more, and is called a liar.
//! caught-by: acks::acks_go_up_together_when_several_become_ready

impl PacketResponder {
    pub fn downstream_ack(&mut self, ack: PipelineAck) -> Result<Vec<PipelineAck>, OutOfOrder> {
        match self.pending.front_mut() {
            Some(front) if front.seqno == ack.seqno && front.below.is_none() => {
                front.below = Some(ack.replies);
            }
            front => {
                return Err(OutOfOrder {
                    got: ack.seqno,
                    expected: front.map(|p| p.seqno),
                });
            }
        }
        Ok(self.ready())
    }
}
