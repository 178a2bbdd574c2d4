//! A write replaces whatever is there: what came in between the client's read and its write is lost.
//! caught-by: siblings::what_the_writer_has_not_read_stays

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn write(&mut self, replica: &R, context: &VersionVector<R>, value: V) -> Dot<R> {
        self.values.clear();
        self.seen.merge(context);
        let dot = self.seen.next(replica);
        self.seen.insert(&dot);
        self.values.insert(dot.clone(), value);
        dot
    }
}
