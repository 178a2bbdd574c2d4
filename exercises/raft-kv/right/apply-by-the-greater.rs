//! Keeps the greater of the two indexes, and asks whether that changed anything.

impl Store {
    pub fn apply(&mut self, index: u64, command: Command) -> Response {
        let before = self.applied;
        self.applied = before.max(index);
        let refused = self.check_alarms(&command).err();
        match (self.applied == before, refused) {
            (true, _) => Err(StoreError::AppliedBefore),
            (false, Some(error)) => Err(error),
            (false, None) => self.execute(command),
        }
    }
}
