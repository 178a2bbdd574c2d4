//! Appending a batch (`UnifiedLog.append`).

use node::{Disk, DiskError, Time};

use super::Log;
use super::error::LogError;
use super::files;
use super::producer_state::Verdict;
use super::segment::now_ms;
use super::validate::validate;
use crate::record::batch::BatchHeader;

// BEGIN SOLUTION
use crate::record::batch::stamp;
// END SOLUTION

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendInfo {
    /// The offset of its first record.
    pub base_offset: i64,
    /// The offset of its last record.
    pub last_offset: i64,
    /// The timestamp of all its records, in milliseconds, where the topic has the broker's.
    pub log_append_time: Option<i64>,
    /// The log's first offset.
    pub log_start_offset: i64,
    /// It had been appended before, with these offsets.
    pub duplicate: bool,
}

impl Log {
    /// Appends the one batch that `batch` is, as its producer sent it. Offsets are stamped into it; a topic with its own timestamps
    /// or its own compression changes more. It is in the file when this returns, but not durable.
    ///
    /// # Errors
    /// [`LogError`]: the log is as it was before. Where [`LogError::is_fatal`], nobody knows what it is.
    pub fn append(
        &mut self,
        disk: &mut dyn Disk,
        batch: &mut [u8],
        now: Time,
    ) -> Result<AppendInfo, LogError> {
        let mut rewritten = validate(batch, &self.config, now)?;
        let batch = rewritten.as_deref_mut().unwrap_or(batch);
        let header = BatchHeader::read(batch)?;
        let info = |base_offset, last_offset, timestamp| AppendInfo {
            base_offset,
            last_offset,
            log_append_time: self.config.log_append_time.then_some(timestamp),
            log_start_offset: self.offsets.log_start,
            duplicate: false,
        };
        if header.is_idempotent()
            && let Verdict::Duplicate(earlier) = self.producers.check(&header)?
        {
            return Ok(AppendInfo {
                duplicate: true,
                ..info(earlier.base_offset, earlier.last_offset, earlier.timestamp)
            });
        }
        let base_offset = self.log_end_offset();
        let last_offset = base_offset + i64::from(header.last_offset_delta);
        let info = info(base_offset, last_offset, now_ms(now));
        self.begin_epoch(disk)?;
        let timestamp = header.max_timestamp;
        if (self.active()).should_roll(&self.config, batch.len(), last_offset, timestamp, now) {
            self.roll(disk, now)?;
        }
        if let Err(error) = self.write_batch(disk, batch) {
            self.cut.insert(self.active().base_offset);
            return Err(error);
        }
        if header.is_idempotent() {
            self.heard.insert(header.producer_id, now);
        }
        Ok(info)
    }

    /// Gives a valid batch the next offsets and the leader's epoch, writes it at the end of the active segment, and notes it in
    /// the segment and in the producers' states.
    ///
    /// # Errors
    /// The disk's. What was written of the batch is cut off again, so that the log is as it was before: a later batch must not
    /// stand behind half of this one. Should that fail too, that error is returned.
    pub fn write_batch(&mut self, disk: &mut dyn Disk, batch: &mut [u8]) -> Result<(), LogError> {
        // EXERCISE(kafka/append): stamp, write, note; a write that failed leaves no trace.
        stamp(batch, self.log_end_offset(), self.leader_epoch);
        let header = BatchHeader::read(batch)?;
        let active = self.active();
        let (file, size) = (active.file(&self.dir), active.size);
        if let Err(error) = disk.write_at(&file, size, batch) {
            disk.truncate(&file, size)?;
            return Err(error.into());
        }
        let index_interval_bytes = self.config.index_interval_bytes;
        self.active_mut().note(&header, index_interval_bytes);
        if header.is_idempotent() {
            self.producers.update(&header);
        }
        Ok(())
    }

    /// Before the first batch of this life its epoch is written down, durably: were it lost with its records, the next life
    /// would use it again, and nobody could tell their records apart.
    fn begin_epoch(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        if self.epochs.latest() == Some(self.leader_epoch) {
            return Ok(());
        }
        let mut epochs = self.epochs.clone();
        epochs.assign(self.leader_epoch, self.log_end_offset());
        files::write_epochs(disk, &self.dir, &epochs)?;
        self.epochs = epochs;
        Ok(())
    }
}
