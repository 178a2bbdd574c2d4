//! The later clock is taken as a whole, and of two concurrent ones the own: what the other side knew is forgotten.
//! caught-by: vector_clock::merging_takes_the_higher_count_of_each_process

impl<P: Ord + Clone> VectorClock<P> {
    pub fn merge(&mut self, other: &VectorClock<P>) {
        if self.compare(other) == Some(Ordering::Less) {
            self.entries.clone_from(&other.entries);
        }
    }
}
