//! A segment's age is always the clock's: records of last year, loaded today, share a segment with today's, and stay as long.
//! caught-by: append::a_segments_age_is_counted_in_its_records_time

impl Segment {
    pub fn should_roll(
        &self,
        config: &LogConfig,
        size: usize,
        last_offset: i64,
        max_timestamp: i64,
        now: Time,
    ) -> bool {
        let _ = max_timestamp;
        let full = self.size + size as u64 > config.segment_bytes.cast_unsigned();
        let age = now_ms(now).saturating_sub(now_ms(self.created));
        let far = last_offset.saturating_sub(self.base_offset) > i64::from(i32::MAX);
        self.size > 0 && (full || age > config.segment_age_ms_max() || far)
    }
}
