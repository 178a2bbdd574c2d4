//! Does without the order of the queue: sorts those that are due.

impl Lessor {
    pub fn promote(&mut self, leases: impl Iterator<Item = (LeaseId, i64)>, now: Time) {
        self.queue.clear();
        self.leases.clear();
        self.primary = true;
        leases.for_each(|(id, ttl_seconds)| self.granted(id, ttl_seconds, now));
    }

    pub fn renew(&mut self, id: LeaseId, now: Time) -> Result<i64, LessorError> {
        match (self.primary, self.leases.get(&id).copied()) {
            (false, _) => Err(LessorError::NotPrimary),
            (true, Some(clock)) if clock.expires > now => {
                self.revoked(id);
                self.granted(id, clock.ttl_seconds, now);
                Ok(clock.ttl_seconds)
            }
            (true, _) => Err(LessorError::NotFound),
        }
    }

    pub fn expired(&mut self, now: Time, count_max: usize) -> Vec<LeaseId> {
        let due = self.leases.iter().filter(|(_, clock)| clock.look_at <= now);
        let mut due: Vec<(Time, LeaseId)> = due.map(|(id, clock)| (clock.look_at, *id)).collect();
        due.sort_unstable();
        due.truncate(count_max);
        for (at, id) in &due {
            self.queue.remove(&(*at, *id));
            if let Some(clock) = self.leases.get_mut(id) {
                clock.look_at = now + REVOKE_RETRY;
                self.queue.insert((clock.look_at, *id));
            }
        }
        due.into_iter().map(|(_, id)| id).collect()
    }
}
