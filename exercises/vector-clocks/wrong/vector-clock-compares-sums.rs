//! Who has counted more events in all is later: concurrent events get an order, and one of two writes is thrown away as old.
//! caught-by: vector_clock::clocks_that_each_know_something_are_concurrent

impl<P: Ord> VectorClock<P> {
    pub fn compare(&self, other: &VectorClock<P>) -> Option<Ordering> {
        let sum = |clock: &VectorClock<P>| clock.iter().map(|(_, count)| count).sum::<u64>();
        Some(sum(self).cmp(&sum(other)))
    }
}
