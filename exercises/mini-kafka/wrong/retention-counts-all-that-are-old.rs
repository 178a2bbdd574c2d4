//! Counts the segments for which there is a reason, wherever they stand: a young one in front is deleted in the place of an old one behind.
//! caught-by: retention::nothing_is_deleted_over_an_older_one

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
        segment.next_offset <= high_watermark
            && (below_start || config.cleanup_policy.delete && (too_old || too_much))
    };
    segments.iter().filter(is_deletable).count()
}
