//! The wait ends when the earliest time is the timestamp: it is not past then, and who waits asks for 0 for ever.
//! caught-by: commit_wait::the_wait_is_as_long_as_it_must

pub fn wait(timestamp: u64, now: Interval) -> u64 {
    timestamp.saturating_sub(now.earliest)
}
