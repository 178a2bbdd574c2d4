//! Does not look at the alarms: a store whose quota is used up goes on growing.
//! caught-by: apply::an_alarm_refuses_what_needs_room

impl Store {
    pub fn apply(&mut self, index: u64, command: Command) -> Response {
        if index <= self.applied {
            return Err(StoreError::AppliedBefore);
        }
        self.applied = index;
        self.execute(command)
    }
}
