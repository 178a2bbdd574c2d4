//! Values are replaced only where the client has read everything that was ever seen: two clients in turn never have, and siblings pile
//! up. (Riak before 2.0.)
//! caught-by: siblings::two_who_write_in_turn_do_not_pile_up

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    pub fn write(&mut self, replica: &R, context: &VersionVector<R>, value: V) -> Dot<R> {
        if context.includes(&self.seen) {
            self.values.clear();
        }
        self.seen.merge(context);
        let dot = self.seen.next(replica);
        self.seen.insert(&dot);
        self.values.insert(dot.clone(), value);
        dot
    }
}
