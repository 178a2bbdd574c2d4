//! New processes are put at the end: the list is no longer sorted, and later searches do not find what is there.
//! caught-by: vector_clock::merging_learns_of_new_processes

impl<P: Ord + Clone> VectorClock<P> {
    pub fn merge(&mut self, other: &VectorClock<P>) {
        for (process, count) in other.entries.iter() {
            match self.entries.iter_mut().find(|(p, _)| p == process) {
                Some(entry) => entry.1 = entry.1.max(*count),
                None => self.entries.push((process.clone(), *count)),
            }
        }
    }
}
