//! Works out when each attempt is over, and looks whether that is past.

impl Task {
    pub fn renew(&mut self, number: u64, worker: WorkerId, progress: f64, now: Time) -> bool {
        match self.attempts.get_mut(&number) {
            Some(attempt) if attempt.worker == worker => {
                attempt.heard = now;
                attempt.moved = if progress > attempt.progress { now } else { attempt.moved };
                attempt.progress = attempt.progress.max(progress);
                true
            }
            _ => false,
        }
    }

    pub fn expired(&self, limits: &Limits, now: Time) -> Vec<Expired> {
        let mut over = Vec::new();
        for (&number, attempt) in &self.attempts {
            let lease_ends = attempt.heard + limits.lease;
            let patience_ends = attempt.moved + limits.stuck;
            let worker = attempt.worker;
            if lease_ends < now {
                over.push(Expired { number, worker, stuck: false });
            } else if patience_ends < now {
                over.push(Expired { number, worker, stuck: true });
            }
        }
        over
    }
}
