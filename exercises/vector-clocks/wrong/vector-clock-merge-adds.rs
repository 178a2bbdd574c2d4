//! Counts are added up: who hears the same thing twice believes that twice as much has happened, and the clock knows of events
//! that never were.
//! caught-by: vector_clock::merging_takes_the_higher_count_of_each_process

impl<P: Ord + Clone> VectorClock<P> {
    pub fn merge(&mut self, other: &VectorClock<P>) {
        for (process, count) in other.entries.iter() {
            match self.entries.binary_search_by(|(p, _)| p.cmp(process)) {
                Ok(at) => self.entries[at].1 = self.entries[at].1.saturating_add(*count),
                Err(at) => self.entries.insert(at, (process.clone(), *count)),
            }
        }
    }
}
