//! The arrival gets a good stamp, but the clock does not move: what the process does next is stamped as if it had not been told.
//! caught-by: lamport::a_message_brings_its_time_along

impl<P: Clone> LamportClock<P> {
    pub fn observe(&mut self, sent: u64) -> Stamp<P> {
        Stamp {
            time: self.time.max(sent).saturating_add(1),
            process: self.process.clone(),
        }
    }
}
