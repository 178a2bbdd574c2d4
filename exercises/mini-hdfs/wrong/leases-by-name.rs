//! The files come by the names of their clients: where only some can be looked at in a round, those who have been silent the longest may
//! wait for ever.
//! caught-by: leases::leases_over_the_hard_limit_are_told_the_longest_silent_first

impl LeaseManager {
    pub fn over_hard_limit(&self, now: Time) -> Vec<InodeId> {
        let silent = |lease: &&Lease| now.since(lease.renewed) > self.hard_limit;
        let over = self.leases.values().filter(silent);
        over.flat_map(|lease| lease.files.iter().copied()).collect()
    }
}
