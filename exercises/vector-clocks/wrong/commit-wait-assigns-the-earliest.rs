//! The timestamp is the earliest time that it may be: it may be before the transaction, and before one that was acknowledged long ago.
//! caught-by: commit_wait::a_timestamp_is_surely_not_before_now

impl Leader {
    pub fn assign(&mut self, now: Interval) -> u64 {
        self.last = now.earliest.max(self.last + 1);
        self.last
    }
}
