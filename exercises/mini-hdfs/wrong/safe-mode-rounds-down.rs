//! The threshold is rounded down to whole blocks: of five blocks four are enough, and the NameNode begins to
//! judge the fifth lost.
//! caught-by: safe_mode::safe_mode_rounds_the_threshold_up

impl SafeMode {
    fn blocks_needed(&self, progress: &Progress) -> u64 {
        progress.blocks * self.threshold_permille / 1000
    }
}
