//! Blames an attempt that was lost for not having moved: four workers that crash fail a job that nothing is wrong with.
//! caught-by: leases::who_is_silent_is_lost_and_not_stuck

impl Task {
    pub fn expired(&self, limits: &Limits, now: Time) -> Vec<Expired> {
        let mut over = Vec::new();
        for (number, attempt) in &self.attempts {
            let stuck = now.since(attempt.moved) > limits.stuck;
            if stuck || now.since(attempt.heard) > limits.lease {
                over.push(Expired {
                    number: *number,
                    worker: attempt.worker,
                    stuck,
                });
            }
        }
        over
    }
}
