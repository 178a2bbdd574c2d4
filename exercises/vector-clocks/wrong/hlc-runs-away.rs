//! Nothing keeps the clock near the wall: when counters are full it goes ahead as far as it likes, and others will refuse it.
//! caught-by: hlc::it_does_not_run_away_from_the_wall

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
        self.latest = after(self.latest.max(sent), wall_ms, self.drift_max_ms)?;
        Ok(self.latest)
    }
}

fn after(latest: Timestamp, wall_ms: u64, _drift_max_ms: u64) -> Result<Timestamp, HlcError> {
    if wall_ms > MILLIS_MAX {
        return Err(HlcError::WallOutOfRange { wall_ms });
    }
    Ok(Timestamp(latest.0.saturating_add(1)).max(Timestamp::new(wall_ms, 0)))
}
