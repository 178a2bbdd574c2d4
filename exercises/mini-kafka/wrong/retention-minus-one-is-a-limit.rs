//! Compares with -1 as with any number: a topic without a limit of time is emptied at once.
//! caught-by: retention::no_limit_is_no_limit

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
        let too_old = now_ms.saturating_sub(segment.timestamp) > config.retention_ms;
        let too_much = u64::try_from(config.retention_bytes).is_ok_and(|limit| left >= limit);
        segment.next_offset <= high_watermark
            && (below_start || config.cleanup_policy.delete && (too_old || too_much))
    };
    segments.iter().take_while(is_deletable).count()
}
