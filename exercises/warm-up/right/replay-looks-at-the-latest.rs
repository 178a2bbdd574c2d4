//! Asks the list of latest visits instead of who is inside: only the guest inside can have come last under that number.

impl Door {
    pub fn leave(&mut self, guest: NodeId, visit: u64) {
        let is_current = self.latest.get(&guest) == Some(&visit);
        match self.inside {
            Some((inside, _)) if inside == guest && is_current => self.inside = None,
            _ => {}
        }
    }
}
