//! Safe mode that the administrator turned on turns itself off, since all is reported: in the middle of his repair.
//! caught-by: safe_mode::safe_mode_obeys_the_administrator

impl SafeMode {
    pub fn update(&mut self, progress: &Progress, now: Time) -> bool {
        let reached = match self.state {
            State::Off => return false,
            State::Startup { reached } => reached,
            State::Manual => None,
        };
        let enough = progress.reported >= self.blocks_needed(progress)
            && progress.datanodes >= self.datanodes_min;
        if !enough {
            self.state = State::Startup { reached: None };
            return false;
        }
        let since = reached.unwrap_or(now);
        if now.since(since) >= self.extension {
            self.state = State::Off;
            return true;
        }
        self.state = State::Startup {
            reached: Some(since),
        };
        false
    }
}
