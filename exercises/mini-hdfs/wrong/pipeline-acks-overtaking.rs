//! Sends each acknowledgement as soon as its packet is ready, past those before it: the writer hears them out of order, and
//! throws out a good node.
//! caught-by: acks::acks_of_sync_packets_wait_for_the_disk

impl PacketResponder {
    fn ready(&mut self) -> Vec<PipelineAck> {
        let mut acks = Vec::new();
        let mut waiting = VecDeque::new();
        for pending in std::mem::take(&mut self.pending) {
            let Some(local) = pending.local else {
                waiting.push_back(pending);
                continue;
            };
            let below = match &pending.below {
                Some(below) => below.clone(),
                None if !self.has_downstream || local != AckStatus::Success => Vec::new(),
                None if self.downstream_lost => vec![AckStatus::Error],
                None => {
                    waiting.push_back(pending);
                    continue;
                }
            };
            acks.push(PipelineAck {
                seqno: pending.seqno,
                replies: std::iter::once(local).chain(below).collect(),
            });
        }
        self.pending = waiting;
        acks
    }
}
