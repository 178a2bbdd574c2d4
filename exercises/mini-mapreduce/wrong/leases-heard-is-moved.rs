//! Takes every word for progress: a mapper in an endless loop is heard of for ever, and its job never ends.
//! caught-by: leases::what_is_heard_of_and_does_not_move_is_stuck

impl Task {
    pub fn renew(&mut self, number: u64, worker: WorkerId, progress: f64, now: Time) -> bool {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return false;
        };
        if attempt.worker != worker {
            return false;
        }
        attempt.heard = now;
        attempt.moved = now;
        attempt.progress = attempt.progress.max(progress);
        true
    }
}
