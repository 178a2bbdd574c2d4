//! Lists are compared as words in a dictionary: the first difference decides, so nothing is ever concurrent.
//! caught-by: vector_clock::clocks_that_each_know_something_are_concurrent

impl<P: Ord> VectorClock<P> {
    pub fn compare(&self, other: &VectorClock<P>) -> Option<Ordering> {
        Some(self.entries.cmp(&other.entries))
    }
}
