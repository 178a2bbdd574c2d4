//! Only the visits are compared: two guests count theirs alike, so one's late `Leave` opens the door while another is
//! inside.
//! caught-by: replay::what_somebody_else_says_opens_no_door

impl Door {
    pub fn leave(&mut self, guest: NodeId, visit: u64) {
        let _ = guest;
        if self.inside.is_some_and(|(_, inside)| inside == visit) {
            self.inside = None;
        }
    }
}
