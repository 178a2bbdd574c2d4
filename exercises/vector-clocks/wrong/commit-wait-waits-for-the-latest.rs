//! Past is taken to be what may be past: that is so at once, nobody waits, and the promise is a hope.
//! caught-by: commit_wait::past_is_past_wherever_in_the_interval_it_is

pub fn is_past(timestamp: u64, now: Interval) -> bool {
    timestamp < now.latest
}
