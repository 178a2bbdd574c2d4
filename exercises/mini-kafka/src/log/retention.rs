//! What is deleted because it is old, or too much, or because somebody asked (`UnifiedLog.deleteOldSegments`).

use node::{Disk, Time};

use super::Log;
use super::config::LogConfig;
use super::error::LogError;
use super::files;
use super::segment::now_ms;

/// What retention looks at of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentFacts {
    /// The offset behind its last record.
    pub next_offset: i64,
    /// Bytes of its file.
    pub bytes: u64,
    /// The timestamp that its age counts from, in milliseconds: the highest of its records, or of its beginning if they have none.
    pub timestamp: i64,
}

/// How many segments are to be deleted, counted from the oldest; `segments` are all of the log, in order.
///
/// A segment goes when all before it go, and one of these holds:
/// - all its records are before the log start offset, whatever the policy;
/// - the policy deletes, and it is older than `retention.ms`;
/// - the policy deletes, and the log without it, and without those before it, still has `retention.bytes`.
///
/// −1 is no limit. None goes that holds a record at or behind the high watermark, which consumers have not seen.
pub fn deletable(
    segments: &[SegmentFacts],
    config: &LogConfig,
    log_start_offset: i64,
    high_watermark: i64,
    now_ms: i64,
) -> usize {
    let _ = (segments, config, log_start_offset, high_watermark, now_ms);
    todo!("kafka/retention: from the oldest on, as long as one of the three reasons holds.")
}

impl Log {
    /// Deletes the segments that are to be deleted; says how many. Where that is all, a new one is begun first: the next offset stands
    /// in its name.
    ///
    /// # Errors
    /// The disk's.
    pub fn delete_old_segments(
        &mut self,
        disk: &mut dyn Disk,
        high_watermark: i64,
        now: Time,
    ) -> Result<usize, LogError> {
        let config = self.config.clone();
        self.delete_segments(disk, &config, high_watermark, now)
    }

    /// Deletes the segments whose records are all before the log start offset, and none for its age or size. Otherwise as
    /// [`Log::delete_old_segments`].
    ///
    /// # Errors
    /// The disk's.
    pub fn delete_segments_before_start(
        &mut self,
        disk: &mut dyn Disk,
        high_watermark: i64,
        now: Time,
    ) -> Result<usize, LogError> {
        let no_limits = LogConfig {
            retention_ms: -1,
            retention_bytes: -1,
            ..self.config.clone()
        };
        self.delete_segments(disk, &no_limits, high_watermark, now)
    }

    fn delete_segments(
        &mut self,
        disk: &mut dyn Disk,
        config: &LogConfig,
        high_watermark: i64,
        now: Time,
    ) -> Result<usize, LogError> {
        let facts: Vec<SegmentFacts> = (self.segments.iter().enumerate())
            .map(|(i, segment)| SegmentFacts {
                next_offset: (self.segments.get(i + 1))
                    .map_or(segment.next_offset, |next| next.base_offset),
                bytes: segment.size,
                timestamp: if segment.max_timestamp >= 0 {
                    segment.max_timestamp
                } else {
                    now_ms(segment.created)
                },
            })
            .collect();
        let start = self.offsets.log_start;
        let mut count = deletable(&facts, config, start, high_watermark, now_ms(now));
        if count == self.segments.len() {
            // An empty active segment is what a new one would be.
            self.roll(disk, now)?;
            count = count.min(self.segments.len() - 1);
        }
        for segment in self.segments.drain(..count) {
            segment.remove(disk, &self.dir)?;
        }
        let first = self.segments[0].base_offset;
        if count > 0 && first > start {
            self.offsets.log_start = first;
            self.epochs.truncate_from_start(first);
        }
        Ok(count)
    }

    /// Makes `offset` the log's first offset (`DeleteRecords`); an earlier one changes nothing. Durable on return: what was deleted
    /// does not come back. Files go later, with [`Log::delete_segments_before_start`].
    ///
    /// # Errors
    /// The disk's.
    pub fn delete_records_before(
        &mut self,
        disk: &mut dyn Disk,
        offset: i64,
    ) -> Result<(), LogError> {
        if offset > self.offsets.log_start {
            // First on the disk: where that fails, nothing has been deleted.
            let mut offsets = self.offsets;
            offsets.log_start = offset;
            files::write_offsets(disk, &self.dir, offsets)?;
            (self.offsets, self.checkpointed) = (offsets, offsets);
            self.epochs.truncate_from_start(offset);
        }
        Ok(())
    }
}
