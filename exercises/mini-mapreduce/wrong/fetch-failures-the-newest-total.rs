//! Believes the total that came last: an older report that comes late takes back what was known.
//! caught-by: fetch_failures::a_late_total_takes_nothing_back

impl FetchFailures {
    pub fn complain(&mut self, failure: &FetchFailure, counting: u64, shuffling: u32) -> bool {
        if failure.map.number != counting {
            return false;
        }
        let complaints = self.counts.entry(failure.map).or_default();
        complaints.insert(failure.reduce, failure.failures);
        let failures = complaints.values().fold(0, |sum: u32, n| sum.saturating_add(*n));
        let complaining = u32::try_from(complaints.len()).unwrap_or(u32::MAX);
        failures >= FAILURES_MIN && complaining.saturating_mul(2) >= shuffling
    }
}
