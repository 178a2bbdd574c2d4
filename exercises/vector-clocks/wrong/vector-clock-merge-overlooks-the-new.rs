//! Only processes that are known already are merged: of a process that it has never met it learns nothing by hearsay, and takes
//! its events for concurrent.
//! caught-by: vector_clock::merging_learns_of_new_processes

impl<P: Ord + Clone> VectorClock<P> {
    pub fn merge(&mut self, other: &VectorClock<P>) {
        for (process, count) in self.entries.iter_mut() {
            *count = (*count).max(other.get(process));
        }
    }
}
