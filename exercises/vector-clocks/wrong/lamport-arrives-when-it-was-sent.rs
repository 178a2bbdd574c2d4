//! The arrival has the time of the sending where that is the later one: cause and effect have the same time, and the
//! process with the lower name may come first though it only answered.
//! caught-by: lamport::a_message_brings_its_time_along

impl<P: Clone> LamportClock<P> {
    pub fn observe(&mut self, sent: u64) -> Stamp<P> {
        self.time = self.time.max(sent);
        Stamp {
            time: self.time,
            process: self.process.clone(),
        }
    }
}
