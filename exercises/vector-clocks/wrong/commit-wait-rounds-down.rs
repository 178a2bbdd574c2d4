//! The drift is rounded down: for some milliseconds the clock claims to know more than it does.
//! caught-by: commit_wait::a_fraction_of_a_microsecond_widens_it

impl TrueTime {
    pub fn now(&self, quartz: u64) -> Interval {
        let elapsed = quartz.saturating_sub(self.synced_at);
        let drift = elapsed * self.drift_ppm / 1_000_000;
        let (time, uncertainty) = (self.told + elapsed, self.error + drift);
        Interval {
            earliest: time.saturating_sub(uncertainty),
            latest: time + uncertainty,
        }
    }
}
