//! A write is put beside whatever is there: the client has read two siblings, writes one, and there are three.
//! caught-by: siblings::what_the_writer_has_read_is_replaced

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn write(&mut self, replica: &R, context: &VersionVector<R>, value: V) -> Dot<R> {
        self.seen.merge(context);
        let dot = self.seen.next(replica);
        self.seen.insert(&dot);
        self.values.insert(dot.clone(), value);
        dot
    }
}
