//! A young clock that is very unsure says that it may be before the beginning, which as a number is the end of all time.
//! caught-by: commit_wait::time_does_not_begin_before_0

impl TrueTime {
    pub fn now(&self, quartz: u64) -> Interval {
        let elapsed = quartz.saturating_sub(self.synced_at);
        let drift = (elapsed * self.drift_ppm).div_ceil(1_000_000);
        let (time, uncertainty) = (self.told + elapsed, self.error + drift);
        Interval {
            earliest: time.wrapping_sub(uncertainty),
            latest: time + uncertainty,
        }
    }
}
