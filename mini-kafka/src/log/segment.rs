//! A segment (`LogSegment`): one file of batches, and what is known of it.

use node::{Disk, DiskError, Time};

use super::config::LogConfig;
use super::files::{INDEX, LOG, TIME_INDEX, path, remove_if_present, write_over};
use super::index::{OffsetIndex, TimeIndex};
use crate::record::batch::{BatchHeader, NO_TIMESTAMP};

/// A segment of a log.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The offset that its name says; no record in it has a lower one.
    pub base_offset: i64,
    /// No other file that ever was a segment of this log in this life of the broker has the same number.
    pub incarnation: u64,
    /// Bytes of its file.
    pub size: u64,
    /// The offset behind its last record.
    pub next_offset: i64,
    /// Where its batches begin.
    pub offset_index: OffsetIndex,
    /// How its timestamps grow.
    pub time_index: TimeIndex,
    /// The highest timestamp, in milliseconds.
    pub max_timestamp: i64,
    /// The base offset of the batch that has it.
    pub max_timestamp_offset: i64,
    /// The highest timestamp of its first batch: the segment's age counts from it.
    pub first_timestamp: Option<i64>,
    /// When it was begun, or found at the start.
    pub created: Time,
    pub(super) unindexed_bytes: u64,
}

impl Segment {
    /// An empty segment.
    pub fn new(base_offset: i64, incarnation: u64, created: Time) -> Segment {
        Segment {
            base_offset,
            incarnation,
            size: 0,
            next_offset: base_offset,
            offset_index: OffsetIndex::default(),
            time_index: TimeIndex::default(),
            max_timestamp: NO_TIMESTAMP,
            max_timestamp_offset: base_offset,
            first_timestamp: None,
            created,
            unindexed_bytes: 0,
        }
    }

    /// The path of its batches.
    pub fn file(&self, dir: &str) -> String {
        path(dir, self.base_offset, LOG)
    }

    /// Notes a batch that was written at the segment's end: it grows by it, and an index entry is made if the last one is
    /// `index_interval_bytes` away.
    pub fn note(&mut self, header: &BatchHeader, index_interval_bytes: i64) {
        if header.max_timestamp > self.max_timestamp {
            self.max_timestamp = header.max_timestamp;
            self.max_timestamp_offset = header.base_offset;
        }
        if self.first_timestamp.is_none() && header.max_timestamp > NO_TIMESTAMP {
            self.first_timestamp = Some(header.max_timestamp);
        }
        if self.unindexed_bytes > index_interval_bytes.cast_unsigned() {
            let (relative, position) = (self.relative(header.base_offset), self.size);
            self.offset_index
                .push(relative, u32::try_from(position).unwrap_or(u32::MAX));
            self.note_time();
            self.unindexed_bytes = 0;
        }
        self.size += header.size() as u64;
        self.unindexed_bytes += header.size() as u64;
        self.next_offset = header.last_offset() + 1;
    }

    fn note_time(&mut self) {
        if self.max_timestamp > NO_TIMESTAMP {
            let relative = self.relative(self.max_timestamp_offset);
            self.time_index.push(self.max_timestamp, relative);
        }
    }

    /// An offset less the base offset, or the nearest that an index can hold.
    pub fn relative(&self, offset: i64) -> u32 {
        let relative = offset.saturating_sub(self.base_offset).max(0);
        u32::try_from(relative).unwrap_or(u32::MAX)
    }

    /// Where to begin to look for an offset, in bytes.
    pub fn position_before(&self, offset: i64) -> u64 {
        self.offset_index.lookup(self.relative(offset)).into()
    }

    /// Whether a batch of `size` bytes, whose last offset and highest timestamp these would be, belongs into a new segment: this
    /// one would grow over `segment.bytes`, or is older than `segment.ms`, or its indexes could not hold the offset. Age
    /// is counted in the records' own timestamps where there are some. An empty segment is never too old.
    pub fn should_roll(
        &self,
        config: &LogConfig,
        size: usize,
        last_offset: i64,
        max_timestamp: i64,
        now: Time,
    ) -> bool {
        // EXERCISE(kafka/append): too large, too old, or offsets too far from the base?
        let full = self.size + size as u64 > config.segment_bytes.cast_unsigned();
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

    /// Writes the index files, with a last time entry, so that the highest timestamp need not be looked for. They are not synced:
    /// what a crash leaves of them is found out when they are read, and they are made anew.
    ///
    /// # Errors
    /// The disk's.
    pub fn write_indexes(&mut self, disk: &mut dyn Disk, dir: &str) -> Result<(), DiskError> {
        self.note_time();
        let file = path(dir, self.base_offset, INDEX);
        write_over(disk, &file, &self.offset_index.encode())?;
        let file = path(dir, self.base_offset, TIME_INDEX);
        write_over(disk, &file, &self.time_index.encode())
    }

    /// Removes the segment's files, the batches last: as long as they are there, the rest can be made anew.
    ///
    /// # Errors
    /// The disk's.
    pub fn remove(&self, disk: &mut dyn Disk, dir: &str) -> Result<(), DiskError> {
        self.remove_indexes(disk, dir)?;
        remove_if_present(disk, &path(dir, self.base_offset, LOG))
    }

    /// Removes the index files: what they say may not be so any more.
    ///
    /// # Errors
    /// The disk's.
    pub fn remove_indexes(&self, disk: &mut dyn Disk, dir: &str) -> Result<(), DiskError> {
        remove_if_present(disk, &path(dir, self.base_offset, INDEX))?;
        remove_if_present(disk, &path(dir, self.base_offset, TIME_INDEX))
    }
}

/// Milliseconds, as records count them.
pub fn now_ms(now: Time) -> i64 {
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
