//! The drift by whole seconds and the rest, the wait by asking whether it is past.

impl TrueTime {
    pub fn now(&self, quartz: u64) -> Interval {
        let elapsed = u128::from(quartz.max(self.synced_at) - self.synced_at);
        let (seconds, rest) = (elapsed / 1_000_000, elapsed % 1_000_000);
        let ppm = u128::from(self.drift_ppm);
        let fraction = rest * ppm;
        let drift = seconds * ppm + fraction / 1_000_000 + u128::from(fraction % 1_000_000 > 0);
        let (time, wrong) = (
            u128::from(self.told) + elapsed,
            u128::from(self.error) + drift,
        );
        let clamp = |time: u128| u64::try_from(time).unwrap_or(u64::MAX);
        Interval {
            earliest: if wrong > time { 0 } else { clamp(time - wrong) },
            latest: clamp(time + wrong),
        }
    }
}

impl Leader {
    pub fn assign(&mut self, now: Interval) -> u64 {
        let timestamp = if now.latest > self.last {
            now.latest
        } else {
            self.last.saturating_add(1)
        };
        self.last = timestamp;
        timestamp
    }
}

pub fn is_past(timestamp: u64, now: Interval) -> bool {
    now.earliest > timestamp
}

pub fn wait(timestamp: u64, now: Interval) -> u64 {
    match is_past(timestamp, now) {
        true => 0,
        false => timestamp - now.earliest + 1,
    }
}
