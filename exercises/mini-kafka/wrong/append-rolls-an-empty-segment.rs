//! A batch larger than a segment makes a new one, and another one, of the same name.
//! caught-by: append::an_empty_segment_takes_anything

impl Segment {
    pub fn should_roll(
        &self,
        config: &LogConfig,
        size: usize,
        last_offset: i64,
        max_timestamp: i64,
        now: Time,
    ) -> bool {
        let full = self.size + size as u64 > config.segment_bytes.cast_unsigned();
        let age = match self
            .first_timestamp
            .filter(|_| max_timestamp > NO_TIMESTAMP)
        {
            Some(first) => max_timestamp.saturating_sub(first),
            None => now_ms(now).saturating_sub(now_ms(self.created)),
        };
        let far = last_offset.saturating_sub(self.base_offset) > i64::from(i32::MAX);
        full || age > config.segment_age_ms_max() || far
    }
}
