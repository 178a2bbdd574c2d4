//! Does not look who says it: a worker that restarts with another's attempts in its report keeps alive what nobody runs.
//! caught-by: leases::another_worker_s_word_is_nothing

impl Task {
    pub fn renew(&mut self, number: u64, worker: WorkerId, progress: f64, now: Time) -> bool {
        let _ = worker;
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return false;
        };
        attempt.heard = now;
        if progress > attempt.progress {
            attempt.progress = progress;
            attempt.moved = now;
        }
        true
    }
}
