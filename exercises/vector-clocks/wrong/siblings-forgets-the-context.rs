//! What the client has read elsewhere is not noted: when that replica's state arrives, the value that was replaced is back.
//! caught-by: siblings::a_context_from_elsewhere_counts_as_seen

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn write(&mut self, replica: &R, context: &VersionVector<R>, value: V) -> Dot<R> {
        self.values.retain(|dot, _| !context.contains(dot));
        let dot = self.seen.next(replica);
        self.seen.insert(&dot);
        self.values.insert(dot.clone(), value);
        dot
    }
}
