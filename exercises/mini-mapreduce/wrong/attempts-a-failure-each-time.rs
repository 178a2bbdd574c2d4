//! Counts what is said instead of what has happened: a report that comes four times fails the job.
//! caught-by: attempts::a_failure_counts_once

impl Task {
    pub fn fail(&mut self, number: u64, limits: &Limits) -> Failure {
        if self.winner.is_some() {
            return Failure::Late;
        }
        self.attempts.remove(&number);
        self.failures += 1;
        if self.failures < limits.attempts_max {
            return Failure::Retry;
        }
        self.attempts.clear();
        Failure::TooMany
    }
}
