//! The dot follows on what the client has read: two clients that have read the same get the same dot, and one value is gone.
//! caught-by: siblings::two_who_have_read_the_same_are_siblings

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn write(&mut self, replica: &R, context: &VersionVector<R>, value: V) -> Dot<R> {
        self.delete(context);
        let dot = context.next(replica);
        self.seen.insert(&dot);
        self.values.insert(dot.clone(), value);
        dot
    }
}
