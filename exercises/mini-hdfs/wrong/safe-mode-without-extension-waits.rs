//! The extension is only looked at from the second call on: an extension of zero still waits for one more look, and where
//! nobody looks again safe mode stays.
//! caught-by: safe_mode::safe_mode_rounds_the_threshold_up
//! caught-by: safe_mode::safe_mode_without_an_extension_ends_at_once

impl SafeMode {
    pub fn update(&mut self, progress: &Progress, now: Time) -> bool {
        let State::Startup { reached } = self.state else {
            return false;
        };
        let enough = progress.reported >= self.blocks_needed(progress)
            && progress.datanodes >= self.datanodes_min;
        let Some(since) = reached.filter(|_| enough) else {
            let reached = enough.then_some(now);
            self.state = State::Startup { reached };
            return false;
        };
        if now.since(since) >= self.extension {
            self.state = State::Off;
            return true;
        }
        false
    }
}
