//! The clock is set to what the message says: an old message turns it back, and two events of one process get the same stamp.
//! caught-by: lamport::an_old_message_does_not_turn_the_clock_back

impl<P: Clone> LamportClock<P> {
    pub fn observe(&mut self, sent: u64) -> Stamp<P> {
        self.time = sent.saturating_add(1);
        Stamp {
            time: self.time,
            process: self.process.clone(),
        }
    }
}
