//! Takes any change for progress: an attempt that starts over and over seems to move.
//! caught-by: leases::progress_that_goes_back_is_none

impl Task {
    pub fn renew(&mut self, number: u64, worker: WorkerId, progress: f64, now: Time) -> bool {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return false;
        };
        if attempt.worker != worker {
            return false;
        }
        attempt.heard = now;
        if (progress - attempt.progress).abs() > 0.0 {
            attempt.progress = progress;
            attempt.moved = now;
        }
        true
    }
}
