//! Keeps what it knew when it led before: a lease that another leader has renewed meanwhile ends early.
//! caught-by: lease::who_leads_again_begins_anew

impl Lessor {
    pub fn promote(&mut self, leases: impl Iterator<Item = (LeaseId, i64)>, now: Time) {
        self.primary = true;
        for (id, ttl_seconds) in leases {
            if !self.leases.contains_key(&id) {
                self.granted(id, ttl_seconds, now);
            }
        }
    }
}
