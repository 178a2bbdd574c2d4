//! Looks only at what is on its way: while a pipeline is rebuilt everything waits to be sent again, and hflush returns
//! though nobody has the bytes.
//! caught-by: ack_queue::ack_queue_promises_nothing_that_waits

impl AckQueue {
    pub fn is_acked(&self, seqno: u64) -> bool {
        seqno < self.next_seqno && self.sent.iter().all(|packet| packet.seqno > seqno)
    }
}
