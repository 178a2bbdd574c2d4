//! Files are closed after the soft limit already: a client that was cut off for a minute finds all its files taken.
//! caught-by: leases::leases_over_the_hard_limit_are_told_the_longest_silent_first

impl LeaseManager {
    pub fn over_hard_limit(&self, now: Time) -> Vec<InodeId> {
        let silent = |lease: &&Lease| now.since(lease.renewed) > self.soft_limit;
        let mut over: Vec<&Lease> = self.leases.values().filter(silent).collect();
        over.sort_by_key(|lease| lease.renewed);
        let files = over.into_iter().flat_map(|lease| &lease.files);
        files.copied().collect()
    }
}
