//! Which record was when (`UnifiedLog.fetchOffsetByTimestamp`). Timestamps need not grow from record to record: producers' clocks differ.

use std::cmp::Reverse;

use node::Disk;

use super::Log;
use super::error::LogError;
use super::reader::{BatchReader, SCAN_BYTES, SEARCH_BYTES};
use super::segment::Segment;
use crate::record::batch::NO_TIMESTAMP;

impl Log {
    /// The first record whose timestamp is at least `timestamp`, before `end`: its offset and its timestamp.
    ///
    /// # Errors
    /// The disk's; [`LogError::Damaged`].
    pub fn offset_for_timestamp(
        &self,
        disk: &dyn Disk,
        timestamp: i64,
        end: i64,
    ) -> Result<Option<(i64, i64)>, LogError> {
        for segment in (self.segments.iter()).filter(|segment| segment.max_timestamp >= timestamp) {
            let from = segment.base_offset + i64::from(segment.time_index.lookup(timestamp));
            let from = self.find_in(disk, segment, from)?;
            let file = segment.file(&self.dir);
            let from = from.map_or(segment.size, |(position, _)| position);
            let mut reader = BatchReader::new(disk, &file, from, segment.size, SCAN_BYTES);
            loop {
                let batch = match reader.next_batch() {
                    Ok(Some(batch)) => batch,
                    Ok(None) => break,
                    Err(error) => return Err(reader.damaged(error)),
                };
                let header = batch.header;
                if header.max_timestamp < timestamp {
                    continue;
                }
                for record in batch.payload()?.records() {
                    let record = record?;
                    let found = (header.offset_of(&record), header.timestamp_of(&record));
                    if found.0 >= end {
                        return Ok(None);
                    }
                    if found.0 >= self.log_start_offset() && found.1 >= timestamp {
                        return Ok(Some(found));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The first record with the highest timestamp of those before `end` (KIP-734): its offset and its timestamp, in milliseconds; none
    /// where none has one.
    ///
    /// Kafka takes the highest of all segments, though that record may lie before the log start offset.
    ///
    /// # Errors
    /// The disk's; [`LogError::Damaged`].
    pub fn max_timestamp(&self, disk: &dyn Disk, end: i64) -> Result<Option<(i64, i64)>, LogError> {
        let mut segments: Vec<&Segment> = self.segments.iter().collect();
        segments.sort_by_key(|segment| Reverse(segment.max_timestamp));
        let mut max = NO_TIMESTAMP;
        for segment in segments {
            if segment.max_timestamp <= max {
                break;
            }
            max = max.max(self.max_timestamp_in(disk, segment, end)?);
        }
        if max == NO_TIMESTAMP {
            return Ok(None);
        }
        self.offset_for_timestamp(disk, max, end)
    }

    /// The highest timestamp of a segment's records from the log start offset on and before `end`.
    fn max_timestamp_in(
        &self,
        disk: &dyn Disk,
        segment: &Segment,
        end: i64,
    ) -> Result<i64, LogError> {
        let start = self.log_start_offset();
        // What a segment knows counts batches too of which compaction has left no record.
        let is_known = segment.base_offset >= start.max(self.offsets.cleaned_to);
        if is_known && segment.next_offset <= end {
            return Ok(segment.max_timestamp);
        }
        // The last batch before the end that the time index names has the highest timestamp up to there.
        let named = segment.time_index.entries().iter().rev();
        let mut named = named.map(|entry| segment.base_offset + i64::from(entry.relative_offset));
        let named = named.find(|offset| is_known && *offset < end);
        let from = self.find_in(disk, segment, named.unwrap_or(start))?;
        let from = from.map_or(segment.size, |(position, _)| position);
        let file = segment.file(&self.dir);
        let mut reader = BatchReader::new(disk, &file, from, segment.size, SEARCH_BYTES);
        let mut max = NO_TIMESTAMP;
        // The log may begin within a batch, of which the header tells too much.
        match reader.next_batch() {
            Ok(Some(batch)) => {
                for record in batch.payload()?.records() {
                    let record = record?;
                    if (start..end).contains(&batch.header.offset_of(&record)) {
                        max = max.max(batch.header.timestamp_of(&record));
                    }
                }
            }
            Ok(None) => {}
            Err(error) => return Err(reader.damaged(error)),
        }
        loop {
            match reader.next_header() {
                Ok(Some((_, header))) if header.base_offset < end => {
                    if header.record_count > 0 {
                        max = max.max(header.max_timestamp);
                    }
                }
                Ok(_) => return Ok(max),
                Err(error) => return Err(reader.damaged(error)),
            }
        }
    }
}
