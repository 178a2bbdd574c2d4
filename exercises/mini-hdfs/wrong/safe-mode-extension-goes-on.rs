//! The extension is counted from the first time that the thresholds were reached, whatever happened since: a DataNode that
//! comes and goes is enough to end safe mode.
//! caught-by: safe_mode::safe_mode_begins_its_extension_anew_after_a_setback

impl SafeMode {
    pub fn update(&mut self, progress: &Progress, now: Time) -> bool {
        let State::Startup { reached } = self.state else {
            return false;
        };
        let enough = progress.reported >= self.blocks_needed(progress)
            && progress.datanodes >= self.datanodes_min;
        if !enough {
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
