//! A lease runs from the launch on, whatever was heard since: no task may take longer than a lease.
//! caught-by: leases::a_report_renews_the_lease

impl Task {
    pub fn expired(&self, limits: &Limits, now: Time) -> Vec<Expired> {
        let mut over = Vec::new();
        for (number, attempt) in &self.attempts {
            let lost = now.since(attempt.started) > limits.lease;
            let stuck = !lost && now.since(attempt.moved) > limits.stuck;
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
