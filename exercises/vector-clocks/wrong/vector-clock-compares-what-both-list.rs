//! Only processes that both clocks list are compared: {b: 1} and {a: 1, b: 1} are equal, and whole processes are overlooked.
//! caught-by: vector_clock::a_process_that_is_not_listed_has_the_count_0

impl<P: Ord> VectorClock<P> {
    pub fn compare(&self, other: &VectorClock<P>) -> Option<Ordering> {
        let (mut less, mut greater) = (false, false);
        for (process, mine) in self.iter() {
            let theirs = other.get(process);
            if theirs > 0 {
                less |= mine < theirs;
                greater |= mine > theirs;
            }
        }
        match (less, greater) {
            (false, false) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (true, true) => None,
        }
    }
}
