//! A limit that is reached exactly is over: with reports as far apart as a lease, every attempt is lost.
//! caught-by: leases::an_attempt_has_its_lease_from_the_launch_on

impl Task {
    pub fn expired(&self, limits: &Limits, now: Time) -> Vec<Expired> {
        let mut over = Vec::new();
        for (number, attempt) in &self.attempts {
            let lost = now.since(attempt.heard) >= limits.lease;
            let stuck = !lost && now.since(attempt.moved) >= limits.stuck;
            if lost || stuck {
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
