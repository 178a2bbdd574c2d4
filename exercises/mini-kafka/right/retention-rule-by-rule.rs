//! Each rule gives a count; the largest that the high watermark allows is taken. One rule's segments may let another one go on.

pub fn deletable(
    segments: &[SegmentFacts],
    config: &LogConfig,
    log_start_offset: i64,
    high_watermark: i64,
    now_ms: i64,
) -> usize {
    let deletes = config.cleanup_policy.delete;
    let mut count = 0;
    loop {
        let Some(segment) = segments.get(count) else {
            return count;
        };
        let left: u64 = segments[count + 1..]
            .iter()
            .map(|segment| segment.bytes)
            .sum();
        let reasons = [
            segment.next_offset <= log_start_offset,
            deletes
                && config.retention_ms != -1
                && i128::from(now_ms) - i128::from(segment.timestamp)
                    > i128::from(config.retention_ms),
            deletes
                && config.retention_bytes != -1
                && i128::from(left) >= i128::from(config.retention_bytes),
        ];
        if segment.next_offset > high_watermark || !reasons.contains(&true) {
            return count;
        }
        count += 1;
    }
}
