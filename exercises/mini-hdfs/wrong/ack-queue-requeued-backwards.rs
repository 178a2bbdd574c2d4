//! Takes the oldest first and puts each in front of the one before: they are sent again in reverse.
//! caught-by: ack_queue::ack_queue_sends_again_what_was_not_acknowledged

impl AckQueue {
    pub fn requeue_unacked(&mut self) {
        while let Some(packet) = self.sent.pop_front() {
            self.to_send.push_front(packet);
        }
    }
}
