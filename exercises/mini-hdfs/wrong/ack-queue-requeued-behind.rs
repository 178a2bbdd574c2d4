//! Puts what must be sent again behind what was never sent: the block arrives with its pieces in another order, and the
//! nodes refuse it.
//! caught-by: ack_queue::ack_queue_sends_again_what_was_not_acknowledged

impl AckQueue {
    pub fn requeue_unacked(&mut self) {
        self.to_send.append(&mut self.sent);
    }
}
