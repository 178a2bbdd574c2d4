//! Off by one: only the `Leave` of a later visit counts, which does not come before this one is over. The room stays locked.
//! caught-by: replay::who_leaves_is_outside
//! caught-by: replay::there_is_never_more_than_one_inside

impl Door {
    pub fn leave(&mut self, guest: NodeId, visit: u64) {
        if let Some((inside, now)) = self.inside
            && inside == guest
            && visit > now
        {
            self.inside = None;
        }
    }
}
