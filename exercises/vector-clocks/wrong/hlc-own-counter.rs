//! In the same millisecond the own counter goes on, whatever the message's is: the arrival may be before the sending.
//! caught-by: hlc::of_equal_milliseconds_the_higher_counter_counts

impl HybridClock {
    pub fn now(&mut self, wall_ms: u64) -> Result<Timestamp, HlcError> {
        self.latest = after(self.latest, wall_ms, self.drift_max_ms)?;
        Ok(self.latest)
    }

    pub fn observe(&mut self, sent: Timestamp, wall_ms: u64) -> Result<Timestamp, HlcError> {
        let ahead_ms = sent.millis().saturating_sub(wall_ms);
        if ahead_ms > self.drift_max_ms {
            let drift_max_ms = self.drift_max_ms;
            return Err(HlcError::RemoteAhead {
                ahead_ms,
                drift_max_ms,
            });
        }
        let latest = match sent.millis() > self.latest.millis() {
            true => sent,
            false => self.latest,
        };
        self.latest = after(latest, wall_ms, self.drift_max_ms)?;
        Ok(self.latest)
    }
}

fn after(latest: Timestamp, wall_ms: u64, drift_max_ms: u64) -> Result<Timestamp, HlcError> {
    if wall_ms > MILLIS_MAX {
        return Err(HlcError::WallOutOfRange { wall_ms });
    }
    let next = Timestamp(latest.0.saturating_add(1)).max(Timestamp::new(wall_ms, 0));
    let ahead_ms = next.millis() - wall_ms;
    if ahead_ms > drift_max_ms || next == latest {
        return Err(HlcError::TooFarAhead {
            ahead_ms,
            drift_max_ms,
        });
    }
    Ok(next)
}
