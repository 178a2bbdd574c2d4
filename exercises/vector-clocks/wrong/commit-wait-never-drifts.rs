//! The interval stays as wide as it was at the comparison: after half a minute the true time is no longer in it.
//! caught-by: commit_wait::it_widens_with_each_second

impl TrueTime {
    pub fn now(&self, quartz: u64) -> Interval {
        let elapsed = quartz.saturating_sub(self.synced_at);
        let drift = 0;
        let (time, uncertainty) = (self.told + elapsed, self.error + drift);
        Interval {
            earliest: time.saturating_sub(uncertainty),
            latest: time + uncertainty,
        }
    }
}
