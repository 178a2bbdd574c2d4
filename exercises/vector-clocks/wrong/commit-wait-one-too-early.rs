//! A timestamp that may be now counts as past: a transaction that begins now, elsewhere, may get the same.
//! caught-by: commit_wait::past_is_past_wherever_in_the_interval_it_is

pub fn is_past(timestamp: u64, now: Interval) -> bool {
    timestamp <= now.earliest
}
