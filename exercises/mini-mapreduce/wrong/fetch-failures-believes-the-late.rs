//! Does not ask which attempt is complained of: complaints of an output that is long replaced throw away the new one.
//! caught-by: fetch_failures::complaints_of_an_older_attempt_change_nothing

impl FetchFailures {
    pub fn complain(&mut self, failure: &FetchFailure, counting: u64, shuffling: u32) -> bool {
        let _ = counting;
        let complaints = self.counts.entry(failure.map).or_default();
        let total = complaints.entry(failure.reduce).or_default();
        *total = failure.failures.max(*total);
        let failures = complaints.values().fold(0, |sum: u32, n| sum.saturating_add(*n));
        let complaining = u32::try_from(complaints.len()).unwrap_or(u32::MAX);
        failures >= FAILURES_MIN && complaining.saturating_mul(2) >= shuffling
    }
}
