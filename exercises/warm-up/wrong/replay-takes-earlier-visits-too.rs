//! The comparison is the wrong way round: a `Leave` of this visit or an earlier one counts.
//! caught-by: replay::the_replay_ends_well

impl Door {
    pub fn leave(&mut self, guest: NodeId, visit: u64) {
        let has_left = |(inside, now): (NodeId, u64)| inside == guest && visit <= now;
        if self.inside.is_some_and(has_left) {
            self.inside = None;
        }
    }
}
