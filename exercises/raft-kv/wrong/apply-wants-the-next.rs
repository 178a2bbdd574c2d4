//! Takes only the very next index: behind the first change of membership, which is in the log and is no command, nothing is ever applied again.
//! caught-by: apply::there_may_be_gaps

impl Store {
    pub fn apply(&mut self, index: u64, command: Command) -> Response {
        if index != self.applied + 1 {
            return Err(StoreError::AppliedBefore);
        }
        self.applied = index;
        self.check_alarms(&command)?;
        self.execute(command)
    }
}
