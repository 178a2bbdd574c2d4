//! A full counter begins at 0 in the same millisecond: the 65,537th event gets the timestamp of the first.
//! caught-by: hlc::a_full_counter_carries_over

impl HybridClock {
    pub fn now(&mut self, wall_ms: u64) -> Result<Timestamp, HlcError> {
        if wall_ms > MILLIS_MAX {
            return Err(HlcError::WallOutOfRange { wall_ms });
        }
        let latest = self.latest;
        if wall_ms > latest.millis() {
            self.latest = Timestamp::new(wall_ms, 0);
        } else {
            self.latest = Timestamp::new(latest.millis(), latest.counter().wrapping_add(1));
        }
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
