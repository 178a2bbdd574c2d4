//! Names all that are over, whatever the limit: after a long election thousands of revocations hold up everything else.
//! caught-by: lease::the_earliest_come_first

impl Lessor {
    pub fn expired(&mut self, now: Time, count_max: usize) -> Vec<LeaseId> {
        let _ = count_max;
        let due = self.queue.range(..=(now, LeaseId::MAX));
        let over: Vec<(Time, LeaseId)> = due.copied().collect();
        for entry in &over {
            self.queue.remove(entry);
            if let Some(clock) = self.leases.get_mut(&entry.1) {
                clock.look_at = now + REVOKE_RETRY;
                self.queue.insert((clock.look_at, entry.1));
            }
        }
        over.into_iter().map(|(_, id)| id).collect()
    }
}
