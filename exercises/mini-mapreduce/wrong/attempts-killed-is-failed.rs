//! Counts an attempt that was killed as a failure of its task: four workers that crash fail the job.
//! caught-by: attempts::who_is_killed_is_not_to_blame

impl Task {
    pub fn kill(&mut self, number: u64) -> bool {
        let counted = self.attempts.remove(&number).is_some();
        self.failures += u32::from(counted);
        counted
    }
}
