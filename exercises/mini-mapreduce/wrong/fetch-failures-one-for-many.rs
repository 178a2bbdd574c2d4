//! Divides failures, not reduces, by those that fetch, as Hadoop does: one reduce with a broken network makes every map run again.
//! caught-by: fetch_failures::one_reduce_among_many_does_not_decide

impl FetchFailures {
    pub fn complain(&mut self, failure: &FetchFailure, counting: u64, shuffling: u32) -> bool {
        if failure.map.number != counting {
            return false;
        }
        let complaints = self.counts.entry(failure.map).or_default();
        let total = complaints.entry(failure.reduce).or_default();
        *total = failure.failures.max(*total);
        let failures = complaints.values().fold(0, |sum: u32, n| sum.saturating_add(*n));
        failures >= FAILURES_MIN && failures.saturating_mul(2) >= shuffling
    }
}
