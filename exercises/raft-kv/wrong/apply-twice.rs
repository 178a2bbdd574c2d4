//! Does not look at the index: a member that reads its log again after a restart gets every command since its snapshot twice, and is another one than the others.
//! caught-by: apply::a_command_that_comes_again_does_nothing

impl Store {
    pub fn apply(&mut self, index: u64, command: Command) -> Response {
        self.applied = index;
        self.check_alarms(&command)?;
        self.execute(command)
    }
}
