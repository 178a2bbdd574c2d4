//! Either threshold will do: a restarted NameNode with all DataNodes registered and no block reported judges every
//! block lost.
//! caught-by: safe_mode::safe_mode_waits_for_blocks_and_datanodes_and_then_a_while

impl SafeMode {
    pub fn update(&mut self, progress: &Progress, now: Time) -> bool {
        let State::Startup { reached } = self.state else {
            return false;
        };
        let enough = progress.reported >= self.blocks_needed(progress)
            || progress.datanodes >= self.datanodes_min;
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
