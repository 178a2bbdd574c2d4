//! Deletes behind the high watermark: records are gone before any consumer could have read them.
//! caught-by: retention::what_was_not_seen_stays

pub fn deletable(
    segments: &[SegmentFacts],
    config: &LogConfig,
    log_start_offset: i64,
    high_watermark: i64,
    now_ms: i64,
) -> usize {
    let _ = high_watermark;
    let mut left: u64 = segments.iter().map(|segment| segment.bytes).sum();
    let is_deletable = |segment: &&SegmentFacts| {
        left -= segment.bytes;
        let below_start = segment.next_offset <= log_start_offset;
        let age = now_ms.saturating_sub(segment.timestamp);
        let too_old = config.retention_ms >= 0 && age > config.retention_ms;
        let too_much = u64::try_from(config.retention_bytes).is_ok_and(|limit| left >= limit);
        below_start || config.cleanup_policy.delete && (too_old || too_much)
    };
    segments.iter().take_while(is_deletable).count()
}
