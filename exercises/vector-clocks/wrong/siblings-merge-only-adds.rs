//! The other side's new values are taken, but own ones that it knows to be overwritten stay.
//! caught-by: siblings::what_the_other_side_has_overwritten_goes

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn merge(&mut self, other: &Siblings<R, V>) {
        for (dot, value) in &other.values {
            if !self.seen.contains(dot) {
                self.values.insert(dot.clone(), value.clone());
            }
        }
        self.seen.merge(&other.seen);
    }
}
