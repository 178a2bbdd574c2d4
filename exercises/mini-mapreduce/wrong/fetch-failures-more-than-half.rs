//! Wants more than half of the reduces: of two, one that can go no further waits for the other to fail as well, which may be done.
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
        let complaining = u32::try_from(complaints.len()).unwrap_or(u32::MAX);
        failures >= FAILURES_MIN && complaining.saturating_mul(2) > shuffling
    }
}
