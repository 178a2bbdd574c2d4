//! Keeps no copy of what it sends: when a node fails, what was on its way is lost.
//! caught-by: ack_queue::ack_queue_sends_again_what_was_not_acknowledged

impl AckQueue {
    pub fn next_to_send(&mut self) -> Option<Packet> {
        self.to_send.pop_front()
    }
}
