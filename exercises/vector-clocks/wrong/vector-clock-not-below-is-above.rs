//! What is not before is taken for after: half of all concurrent pairs are called ordered.
//! caught-by: vector_clock::clocks_that_each_know_something_are_concurrent

impl<P: Ord> VectorClock<P> {
    pub fn compare(&self, other: &VectorClock<P>) -> Option<Ordering> {
        let below =
            |a: &VectorClock<P>, b: &VectorClock<P>| a.iter().all(|(p, count)| count <= b.get(p));
        if self == other {
            Some(Ordering::Equal)
        } else if below(self, other) {
            Some(Ordering::Less)
        } else {
            Some(Ordering::Greater)
        }
    }
}
