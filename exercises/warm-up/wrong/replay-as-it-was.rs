//! As it was first written: a late `Leave` of an earlier visit lets the next guest in while this one is inside.
//! caught-by: replay::the_replay_ends_well
//! caught-by: replay::there_is_never_more_than_one_inside

impl Door {
    pub fn leave(&mut self, guest: NodeId, visit: u64) {
        let _ = visit;
        if let Some((inside, _)) = self.inside
            && inside == guest
        {
            self.inside = None;
        }
    }
}
