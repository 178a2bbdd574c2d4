//! A message that was sent earlier than this clock shows is no event: it gets the stamp of what happened before it.
//! caught-by: lamport::an_old_message_does_not_turn_the_clock_back

impl<P: Clone> LamportClock<P> {
    pub fn observe(&mut self, sent: u64) -> Stamp<P> {
        if sent >= self.time {
            self.time = sent.saturating_add(1);
        }
        Stamp {
            time: self.time,
            process: self.process.clone(),
        }
    }
}
