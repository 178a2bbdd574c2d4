//! A partition as its broker sees it (`Partition`): a log, its high watermark, and what of it is durable.
//!
//! What consumers see ends at the *high watermark*: with replicas, that is where all in-sync ones have got. With one broker
//! it is the log's end, but for topics that sync always (`flush.messages=1`): there nothing is shown, or acknowledged, that a
//! crash could still take back, and the high watermark is the end of what is durable.
//!
//! An fsync takes milliseconds, and the partition's lock is held for microseconds. So the shell syncs outside of it:
//! [`Partition::begin_sync`] under the lock, [`PendingSync::write`] outside, [`Partition::end_sync`] under it; what was appended
//! meanwhile goes with the next one. After a sync that failed nobody knows what the disk holds (Rebello et al., "Can
//! Applications Recover from fsync Failures?", ATC 2020): [`Partition::fail`], and the log is offline until the broker has been
//! started anew.

use std::time::Duration;

use node::{Disk, Time};

pub use crate::log::append::AppendInfo;
pub use crate::log::cleaner::{CleanPlan, CleanResult};
pub use crate::log::{LogConfig, LogError, LogSlice, PendingSync, RecoveryReport};

use crate::log::{Log, LogEnd};

/// A producer that has appended nothing for this long is forgotten (`producer.id.expiration.ms`).
const PRODUCER_EXPIRATION: Duration = Duration::from_secs(24 * 3600);

/// A partition.
#[derive(Clone, Debug)]
pub struct Partition {
    log: Log,
    /// The end of what is durable, as a place.
    durable: LogEnd,
    /// What consumers saw the end of, when the settings last changed: the high watermark never moves back.
    shown: LogEnd,
    /// When the first append after that came.
    dirty_since: Option<Time>,
    /// Why it is offline.
    failed: Option<String>,
}

impl Partition {
    /// Opens the partition in `dir`, whatever lies there.
    ///
    /// # Errors
    /// Those of [`Log::open`].
    pub fn open(
        disk: &mut dyn Disk,
        dir: &str,
        config: LogConfig,
        now: Time,
    ) -> Result<(Partition, RecoveryReport), LogError> {
        let (log, report) = Log::open(disk, dir, config, now)?;
        let durable = log.end();
        let partition = Partition {
            log,
            durable,
            shown: durable,
            dirty_since: None,
            failed: None,
        };
        Ok((partition, report))
    }

    /// The log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The topic's settings.
    pub fn config(&self) -> &LogConfig {
        self.log.config()
    }

    /// Changes the topic's settings. What consumers see already they go on seeing, durable or not.
    pub fn set_config(&mut self, config: LogConfig) {
        self.shown = self.visible();
        self.log.set_config(config);
    }

    /// The first offset that can be read.
    pub fn log_start_offset(&self) -> i64 {
        self.log.log_start_offset()
    }

    /// The offset behind the last record that consumers see.
    pub fn high_watermark(&self) -> i64 {
        self.visible().offset
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> i64 {
        self.log.log_end_offset()
    }

    /// The offset behind the last record that is durable.
    pub fn durable_end_offset(&self) -> i64 {
        self.log.recovery_point()
    }

    /// The leader's epoch.
    pub fn leader_epoch(&self) -> i32 {
        self.log.leader_epoch()
    }

    /// Why the partition is offline, if it is.
    pub fn failure(&self) -> Option<&str> {
        self.failed.as_deref()
    }

    fn visible(&self) -> LogEnd {
        if !self.config().syncs_always() {
            self.log.end()
        } else if self.durable.offset > self.shown.offset {
            self.durable
        } else {
            self.shown
        }
    }

    /// Appends the one batch that `batch` is; see [`Log::append`]. Where the topic syncs always, it may be acknowledged once
    /// [`Partition::durable_end_offset`] is behind its last offset, a duplicate too.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn append(
        &mut self,
        disk: &mut dyn Disk,
        batch: &mut [u8],
        now: Time,
    ) -> Result<AppendInfo, LogError> {
        self.check()?;
        let appended = self.log.append(disk, batch, now);
        let info = self.noting_failure(appended)?;
        if !info.duplicate {
            self.dirty_since.get_or_insert(now);
        }
        Ok(info)
    }

    /// The file bytes from `offset` on, up to the high watermark; see [`Log::read`].
    ///
    /// # Errors
    /// [`LogError::OffsetOutOfRange`]; the disk's, which do not take the partition offline.
    pub fn read(&self, disk: &dyn Disk, offset: i64, max_bytes: u64) -> Result<LogSlice, LogError> {
        self.check()?;
        self.log.read(disk, offset, max_bytes, self.visible())
    }

    /// The first record that consumers see with a timestamp of at least this, in milliseconds: its offset and its timestamp.
    ///
    /// # Errors
    /// The disk's; [`LogError::Damaged`].
    pub fn offset_for_timestamp(
        &self,
        disk: &dyn Disk,
        timestamp: i64,
    ) -> Result<Option<(i64, i64)>, LogError> {
        self.check()?;
        self.log
            .offset_for_timestamp(disk, timestamp, self.high_watermark())
    }

    /// The first record with the highest timestamp that consumers see: its offset and its timestamp.
    ///
    /// # Errors
    /// The disk's; [`LogError::Damaged`].
    pub fn max_timestamp(&self, disk: &dyn Disk) -> Result<Option<(i64, i64)>, LogError> {
        self.check()?;
        self.log.max_timestamp(disk, self.high_watermark())
    }

    /// The largest epoch not higher than this one, and where it ended (`OffsetForLeaderEpoch`).
    pub fn end_offset_for_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        self.log.end_offset_for_epoch(epoch)
    }

    /// Deletes the records before an offset, −1 for the high watermark; the log's new first offset. Durable on return.
    ///
    /// # Errors
    /// [`LogError::OffsetOutOfRange`] of an offset behind the high watermark; the disk's.
    pub fn delete_records(
        &mut self,
        disk: &mut dyn Disk,
        before: i64,
        now: Time,
    ) -> Result<i64, LogError> {
        self.check()?;
        let end = self.high_watermark();
        let offset = if before == -1 { end } else { before };
        if offset < 0 || offset > end {
            let start = self.log_start_offset();
            return Err(LogError::OffsetOutOfRange { offset, start, end });
        }
        let deleted = self.log.delete_records_before(disk, offset);
        self.noting_failure(deleted)?;
        // What is old or too much has its own time: whoever asked hears of the offset that he asked for.
        let removed = self.log.delete_segments_before_start(disk, end, now);
        self.noting_failure(removed)?;
        Ok(self.log_start_offset())
    }

    /// Deletes what is old or too much, and forgets producers that are gone; says how many segments went. To be called
    /// now and then (`log.retention.check.interval.ms`).
    ///
    /// # Errors
    /// The disk's.
    pub fn tick(&mut self, disk: &mut dyn Disk, now: Time) -> Result<usize, LogError> {
        self.check()?;
        self.log.expire_producers(now, PRODUCER_EXPIRATION);
        let high_watermark = self.high_watermark();
        let deleted = self.log.delete_old_segments(disk, high_watermark, now);
        self.noting_failure(deleted)
    }

    /// Whether a sync is due: by `flush.messages`, by `flush.ms`, or since a segment has been closed, which is synced whatever the
    /// settings say: only what is durable may be compacted, and a crash costs no more than a look at the active segment.
    pub fn sync_due(&self, now: Time) -> bool {
        let unsynced = self.log_end_offset() - self.durable_end_offset();
        let flush_after =
            u64::try_from(self.config().flush_ms).map_or(Duration::MAX, Duration::from_millis);
        unsynced > 0
            && (unsynced >= self.config().flush_messages
                || self.durable_end_offset() < self.log.end().segment
                || (self.dirty_since).is_some_and(|since| now.since(since) >= flush_after))
    }

    /// What has to be synced; none where all is durable. At most one may be under way.
    pub fn begin_sync(&mut self) -> Option<PendingSync> {
        if self.failed.is_some() {
            return None;
        }
        self.dirty_since = None;
        self.log.begin_sync()
    }

    /// [`PendingSync::write`] has succeeded.
    pub fn end_sync(&mut self, pending: &PendingSync) {
        self.log.end_sync(pending);
        if pending.end.offset >= self.durable.offset {
            self.durable = pending.end;
        }
    }

    /// [`PendingSync::write`] has failed, or another partition's on the same disk: nothing works from now on.
    pub fn fail(&mut self, reason: &str) {
        self.failed.get_or_insert_with(|| reason.to_owned());
    }

    /// A compaction pass, if one is due. [`CleanPlan::run`] needs no lock; [`Partition::finish_cleaning`] does.
    pub fn plan_cleaning(&self, now: Time) -> Option<CleanPlan> {
        self.check().ok()?;
        self.log.plan_cleaning(self.visible().segment, now)
    }

    /// Swaps in what a compaction pass has written.
    ///
    /// # Errors
    /// The disk's.
    pub fn finish_cleaning(
        &mut self,
        disk: &mut dyn Disk,
        result: CleanResult,
    ) -> Result<(), LogError> {
        self.check()?;
        let finished = self.log.finish_cleaning(disk, result);
        self.noting_failure(finished)
    }

    /// Writes down how far the log is durable; see [`Log::checkpoint`].
    ///
    /// # Errors
    /// The disk's.
    pub fn checkpoint(&mut self, disk: &mut dyn Disk) -> Result<(), LogError> {
        self.check()?;
        let written = self.log.checkpoint(disk).map_err(LogError::from);
        self.noting_failure(written)
    }

    /// The broker stops: all becomes durable, and the next start need not look at the log.
    ///
    /// # Errors
    /// The disk's.
    pub fn close(&mut self, disk: &mut dyn Disk) -> Result<(), LogError> {
        self.check()?;
        let closed = self.log.close(disk).map_err(LogError::from);
        self.noting_failure(closed)?;
        self.durable = self.log.end();
        Ok(())
    }

    /// Removes all files: the topic is deleted.
    ///
    /// # Errors
    /// The disk's.
    pub fn remove(&mut self, disk: &mut dyn Disk) -> Result<(), LogError> {
        self.fail("its topic has been deleted");
        Ok(self.log.remove(disk)?)
    }

    fn check(&self) -> Result<(), LogError> {
        match &self.failed {
            Some(reason) => Err(LogError::Offline(reason.clone())),
            None => Ok(()),
        }
    }

    /// Goes offline where the log cannot go on.
    fn noting_failure<T>(&mut self, result: Result<T, LogError>) -> Result<T, LogError> {
        if let Err(error) = &result
            && error.is_fatal()
        {
            self.fail(&error.to_string());
        }
        result
    }
}
