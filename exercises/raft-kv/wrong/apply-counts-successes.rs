//! Notes the index only when something came of the command: one that failed comes again after a restart, and may succeed then.
//! caught-by: apply::a_command_that_fails_is_applied_too

impl Store {
    pub fn apply(&mut self, index: u64, command: Command) -> Response {
        if index <= self.applied {
            return Err(StoreError::AppliedBefore);
        }
        self.check_alarms(&command)?;
        let reply = self.execute(command)?;
        self.applied = index;
        Ok(reply)
    }
}
