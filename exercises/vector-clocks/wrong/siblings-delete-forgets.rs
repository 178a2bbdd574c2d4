//! A delete takes values away and notes nothing: what was deleted before this replica had it comes back with the next message.
//! caught-by: siblings::a_delete_takes_what_was_read

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn delete(&mut self, context: &VersionVector<R>) {
        self.values.retain(|dot, _| !context.contains(dot));
    }
}
