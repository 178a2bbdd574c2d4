//! Allows one failure more than the limit says.
//! caught-by: attempts::the_fourth_failure_is_one_too_many

impl Task {
    pub fn fail(&mut self, number: u64, limits: &Limits) -> Failure {
        if self.attempts.remove(&number).is_none() {
            return Failure::Late;
        }
        self.failures += 1;
        if self.failures <= limits.attempts_max {
            return Failure::Retry;
        }
        self.attempts.clear();
        Failure::TooMany
    }
}
