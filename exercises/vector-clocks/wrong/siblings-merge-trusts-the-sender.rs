//! What the sender does not have goes, even if it has never seen it: each gossip wipes out what was written here meanwhile.
//! caught-by: siblings::concurrent_writes_of_two_replicas_stay

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn merge(&mut self, other: &Siblings<R, V>) {
        self.values.retain(|dot, _| other.values.contains_key(dot));
        for (dot, value) in &other.values {
            if !self.seen.contains(dot) {
                self.values.insert(dot.clone(), value.clone());
            }
        }
        self.seen.merge(&other.seen);
    }
}
