//! Whoever calls gets a lease, even if he writes nothing: each client that ever called stays in memory for ever.
//! caught-by: leases::leases_are_not_made_by_renewing

impl LeaseManager {
    pub fn renew(&mut self, holder: &str, now: Time) {
        let lease = self.leases.entry(holder.to_owned()).or_default();
        lease.renewed = now;
    }
}
