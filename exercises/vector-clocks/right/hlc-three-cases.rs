//! The paper's cases one by one, on milliseconds and counter.

impl HybridClock {
    pub fn now(&mut self, wall_ms: u64) -> Result<Timestamp, HlcError> {
        self.observe(Timestamp(0), wall_ms)
    }

    pub fn observe(&mut self, sent: Timestamp, wall_ms: u64) -> Result<Timestamp, HlcError> {
        let (drift_max_ms, mine) = (self.drift_max_ms, self.latest);
        if sent.millis() > wall_ms.saturating_add(drift_max_ms) {
            let ahead_ms = sent.millis() - wall_ms;
            return Err(HlcError::RemoteAhead {
                ahead_ms,
                drift_max_ms,
            });
        }
        if wall_ms > MILLIS_MAX {
            return Err(HlcError::WallOutOfRange { wall_ms });
        }
        let millis = wall_ms.max(mine.millis()).max(sent.millis());
        let mut counter: Option<u16> = None;
        for known in [mine, sent] {
            if known.millis() == millis && known != Timestamp(0) {
                counter = counter.max(Some(known.counter()));
            }
        }
        let (millis, counter) = match counter {
            None => (millis, 0),
            Some(u16::MAX) => (millis + 1, 0),
            Some(counter) => (millis, counter + 1),
        };
        if millis > MILLIS_MAX || millis - wall_ms > drift_max_ms {
            let ahead_ms = millis - wall_ms;
            return Err(HlcError::TooFarAhead {
                ahead_ms,
                drift_max_ms,
            });
        }
        self.latest = Timestamp::new(millis, counter);
        Ok(self.latest)
    }
}
