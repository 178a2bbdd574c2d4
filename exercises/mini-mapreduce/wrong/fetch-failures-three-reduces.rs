//! Counts reduces where failures are asked for: a job with two reduces waits for ever for a third one to complain.
//! caught-by: fetch_failures::three_failures_are_enough_and_two_are_not

impl FetchFailures {
    pub fn complain(&mut self, failure: &FetchFailure, counting: u64, shuffling: u32) -> bool {
        if failure.map.number != counting {
            return false;
        }
        let complaints = self.counts.entry(failure.map).or_default();
        let total = complaints.entry(failure.reduce).or_default();
        *total = failure.failures.max(*total);
        let complaining = u32::try_from(complaints.len()).unwrap_or(u32::MAX);
        complaining >= FAILURES_MIN && complaining.saturating_mul(2) >= shuffling
    }
}
