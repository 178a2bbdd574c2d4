//! Looks at the segment's size alone, not at what the batch adds: segments grow beyond their limit, by up to a batch.
//! caught-by: append::a_segment_does_not_grow_beyond_its_limit

impl Segment {
    pub fn should_roll(
        &self,
        config: &LogConfig,
        size: usize,
        last_offset: i64,
        max_timestamp: i64,
        now: Time,
    ) -> bool {
        let _ = size;
        let full = self.size >= config.segment_bytes.cast_unsigned();
        let age = match self
            .first_timestamp
            .filter(|_| max_timestamp > NO_TIMESTAMP)
        {
            Some(first) => max_timestamp.saturating_sub(first),
            None => now_ms(now).saturating_sub(now_ms(self.created)),
        };
        let far = last_offset.saturating_sub(self.base_offset) > i64::from(i32::MAX);
        self.size > 0 && (full || age > config.segment_age_ms_max() || far)
    }
}
