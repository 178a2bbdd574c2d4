//! The process counts for more than the time: what process 1 does is before everything of process 2, answers before questions.
//! caught-by: lamport::the_earlier_time_is_first

impl<P: Ord> Ord for Stamp<P> {
    fn cmp(&self, other: &Stamp<P>) -> Ordering {
        let by_process = self.process.cmp(&other.process);
        by_process.then(self.time.cmp(&other.time))
    }
}
