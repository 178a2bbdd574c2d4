//! The quartz is taken to run only slow: where it is too fast, the true time is before the interval.
//! caught-by: commit_wait::it_widens_with_each_second

impl TrueTime {
    pub fn now(&self, quartz: u64) -> Interval {
        let elapsed = quartz.saturating_sub(self.synced_at);
        let drift = (elapsed * self.drift_ppm).div_ceil(1_000_000);
        let time = self.told + elapsed;
        Interval {
            earliest: time.saturating_sub(self.error),
            latest: time + self.error + drift,
        }
    }
}
