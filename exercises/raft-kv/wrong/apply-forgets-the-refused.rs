//! Looks at the alarms first: what they refused has not had its turn, and comes again when they are off.
//! caught-by: apply::a_command_that_is_refused_is_applied_too

impl Store {
    pub fn apply(&mut self, index: u64, command: Command) -> Response {
        if index <= self.applied {
            return Err(StoreError::AppliedBefore);
        }
        self.check_alarms(&command)?;
        self.applied = index;
        self.execute(command)
    }
}
