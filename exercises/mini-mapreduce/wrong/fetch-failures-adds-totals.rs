//! Adds up what are totals: a heartbeat that comes three times makes a map run again.
//! caught-by: fetch_failures::a_total_that_comes_twice_counts_once

impl FetchFailures {
    pub fn complain(&mut self, failure: &FetchFailure, counting: u64, shuffling: u32) -> bool {
        if failure.map.number != counting {
            return false;
        }
        let complaints = self.counts.entry(failure.map).or_default();
        let total = complaints.entry(failure.reduce).or_default();
        *total = total.saturating_add(failure.failures);
        let failures = complaints.values().fold(0, |sum: u32, n| sum.saturating_add(*n));
        let complaining = u32::try_from(complaints.len()).unwrap_or(u32::MAX);
        failures >= FAILURES_MIN && complaining.saturating_mul(2) >= shuffling
    }
}
