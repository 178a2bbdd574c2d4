//! The stamp is taken before the clock moves: the first event has the time 0, and an answer the time of its question.
//! caught-by: lamport::events_of_a_process_are_counted

impl<P: Clone> LamportClock<P> {
    pub fn tick(&mut self) -> Stamp<P> {
        let time = self.time;
        self.time = self.time.saturating_add(1);
        Stamp {
            time,
            process: self.process.clone(),
        }
    }
}
