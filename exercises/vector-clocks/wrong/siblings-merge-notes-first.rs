//! What the other side has seen is noted before its values are looked at: all of them seem to be old, and none is taken.
//! caught-by: siblings::concurrent_writes_of_two_replicas_stay

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn merge(&mut self, other: &Siblings<R, V>) {
        self.seen.merge(&other.seen);
        self.values
            .retain(|dot, _| other.values.contains_key(dot) || !other.seen.contains(dot));
        for (dot, value) in &other.values {
            if !self.seen.contains(dot) {
                self.values.insert(dot.clone(), value.clone());
            }
        }
    }
}
