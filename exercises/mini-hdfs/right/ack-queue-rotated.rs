//! Sends again by swapping the queues, and looks for a packet in both instead of comparing numbers.

impl AckQueue {
    pub fn requeue_unacked(&mut self) {
        std::mem::swap(&mut self.to_send, &mut self.sent);
        self.to_send.append(&mut self.sent);
    }

    pub fn is_acked(&self, seqno: u64) -> bool {
        let waits = self
            .to_send
            .iter()
            .chain(&self.sent)
            .any(|packet| packet.seqno == seqno);
        seqno < self.next_seqno && !waits
    }
}
