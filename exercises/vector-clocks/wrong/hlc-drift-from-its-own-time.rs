//! How far ahead a timestamp is, is measured from the latest one here: each message may pull the clock on by the limit once more, so
//! that there is none.
//! caught-by: hlc::a_timestamp_from_too_far_ahead_is_refused

impl HybridClock {
    pub fn now(&mut self, wall_ms: u64) -> Result<Timestamp, HlcError> {
        self.latest = after(self.latest, wall_ms, self.drift_max_ms)?;
        Ok(self.latest)
    }

    pub fn observe(&mut self, sent: Timestamp, wall_ms: u64) -> Result<Timestamp, HlcError> {
        let ahead_ms = sent
            .millis()
            .saturating_sub(self.latest.millis().max(wall_ms));
        if ahead_ms > self.drift_max_ms {
            let drift_max_ms = self.drift_max_ms;
            return Err(HlcError::RemoteAhead {
                ahead_ms,
                drift_max_ms,
            });
        }
        if wall_ms > MILLIS_MAX {
            return Err(HlcError::WallOutOfRange { wall_ms });
        }
        let latest = Timestamp(self.latest.max(sent).0.saturating_add(1));
        self.latest = latest.max(Timestamp::new(wall_ms, 0));
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
