//! Merging takes all values of both sides: what one side has overwritten, the other one brings back.
//! caught-by: siblings::what_the_other_side_has_overwritten_goes

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn merge(&mut self, other: &Siblings<R, V>) {
        self.values.extend(other.values.clone());
        self.seen.merge(&other.seen);
    }
}
