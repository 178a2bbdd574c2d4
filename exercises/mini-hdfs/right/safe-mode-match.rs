//! The next state from one match; the rounding up by a comparison of products.

impl SafeMode {
    pub fn update(&mut self, progress: &Progress, now: Time) -> bool {
        let State::Startup { reached } = self.state else {
            return false;
        };
        let enough = progress.reported * 1000 >= progress.blocks * self.threshold_permille
            && self.datanodes_min <= progress.datanodes;
        let next = match (enough, reached) {
            (false, _) => State::Startup { reached: None },
            (true, None) if self.extension.is_zero() => State::Off,
            (true, None) => State::Startup { reached: Some(now) },
            (true, Some(since)) if now >= since + self.extension => State::Off,
            (true, Some(_)) => self.state,
        };
        self.state = next;
        next == State::Off
    }

    fn blocks_needed(&self, progress: &Progress) -> u64 {
        let product = progress.blocks * self.threshold_permille;
        product / 1000 + u64::from(product % 1000 > 0)
    }
}
