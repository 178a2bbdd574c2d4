//! A process that was not there is entered with 0: its first event leaves no trace, and equal clocks are unequal lists.
//! caught-by: vector_clock::processes_stand_in_order_whoever_comes_first

impl<P: Ord + Clone> VectorClock<P> {
    pub fn tick(&mut self, process: &P) -> u64 {
        match self.entries.binary_search_by(|(p, _)| p.cmp(process)) {
            Ok(at) => {
                self.entries[at].1 = self.entries[at].1.saturating_add(1);
                self.entries[at].1
            }
            Err(at) => {
                self.entries.insert(at, (process.clone(), 0));
                0
            }
        }
    }
}
