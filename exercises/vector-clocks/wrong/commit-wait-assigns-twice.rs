//! Two transactions that arrive in the same microsecond get the same timestamp, and one of two versions of a row is gone.
//! caught-by: commit_wait::timestamps_of_a_leader_rise

impl Leader {
    pub fn assign(&mut self, now: Interval) -> u64 {
        self.last = now.latest.max(self.last);
        self.last
    }
}
