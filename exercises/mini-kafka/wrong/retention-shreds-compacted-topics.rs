//! Does not look at the policy: a compacted topic, which is to keep the last value of each key for ever, loses it after a week.
//! caught-by: retention::records_before_the_start_go_whatever_the_policy

pub fn deletable(
    segments: &[SegmentFacts],
    config: &LogConfig,
    log_start_offset: i64,
    high_watermark: i64,
    now_ms: i64,
) -> usize {
    let mut left: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let is_deletable = |segment: &&SegmentFacts| {
        left -= segment.bytes;
        let below_start = segment.next_offset <= log_start_offset;
        let age = now_ms.saturating_sub(segment.timestamp);
        let too_old = config.retention_ms >= 0 && age > config.retention_ms;
        let too_much = u64::try_from(config.retention_bytes).is_ok_and(|limit| left >= limit);
        segment.next_offset <= high_watermark && (below_start || too_old || too_much)
    };
    segments.iter().take_while(is_deletable).count()
}
