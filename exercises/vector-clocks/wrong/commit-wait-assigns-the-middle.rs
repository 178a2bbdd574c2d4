//! The timestamp is the most probable time, as any clock would give it: half of all true times are later.
//! caught-by: commit_wait::a_timestamp_is_surely_not_before_now

impl Leader {
    pub fn assign(&mut self, now: Interval) -> u64 {
        self.last = ((now.earliest + now.latest) / 2).max(self.last + 1);
        self.last
    }
}
