//! At the end of counting it begins at 0 again: one forged message takes all later events before all earlier ones.
//! caught-by: lamport::the_last_time_that_there_is_does_no_harm

impl<P: Clone> LamportClock<P> {
    pub fn observe(&mut self, sent: u64) -> Stamp<P> {
        self.time = self.time.max(sent).wrapping_add(1);
        Stamp {
            time: self.time,
            process: self.process.clone(),
        }
    }
}
