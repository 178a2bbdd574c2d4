//! A partition's log (`UnifiedLog`, `LocalLog`): segments of record batches, named by their first offset.
//!
//! Everything is appended to the last segment, the *active* one; a new one is begun when it is large or old. The others never
//! change again, so old records are deleted a file at a time, and compaction rewrites files of which nobody else writes.
//!
//! ```text
//! 00…000.log  ───────────────┐ closed: deleted by age or size, or compacted
//! 00…317.log  ──────────┐    │
//! 00…842.log  ─────▶ active: log end offset
//! ```
//!
//! Appending validates the batch ([`validate`]), looks whether the producer sent it before ([`producer_state`]), stamps its
//! offset, writes. Reading finds the segment by name, a position in it by its sparse index ([`index`]), walks a few headers
//! ([`reader`]), and answers with a *range of a file*: what is read never passes through here. [`times`] finds records by their
//! timestamps. After a crash [`recovery`] cuts off what was not written whole. [`retention`] and [`cleaner`] decide what becomes
//! of old records.
//!
//! A write is durable when it was synced; [`Log::begin_sync`] says what has to be, so that the shell can do it without the
//! partition's lock, for all appends until then at once.

pub mod append;
pub mod cleaner;
pub mod config;
pub mod error;
pub mod files;
pub mod index;
pub mod leader_epoch;
pub mod offset_map;
pub mod producer_state;
pub mod reader;
pub mod recovery;
pub mod retention;
pub mod segment;
pub mod times;
pub mod validate;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::{Disk, DiskError, DiskErrorKind, Time};

pub use self::config::{ConfigError, LogConfig};
pub use self::error::LogError;
pub use self::files::Offsets;
pub use self::recovery::RecoveryReport;

use self::files::SNAPSHOT;
use self::leader_epoch::LeaderEpochs;
use self::producer_state::ProducerStates;
use self::reader::{BatchReader, SEARCH_BYTES, WalkError};
use self::segment::Segment;
use crate::record::batch::BatchHeader;

/// A partition's log.
#[derive(Clone, Debug)]
pub struct Log {
    dir: String,
    config: LogConfig,
    /// By base offset; the last one is the active one. Never empty.
    segments: Vec<Segment>,
    /// Log start offset, recovery point, how far compaction has got. The recovery point is the end of what is durable.
    offsets: Offsets,
    /// As they were last made durable.
    checkpointed: Offsets,
    producers: ProducerStates,
    /// When each of them was heard of last: its last append in this life, or the beginning of it. Its records' timestamps are its
    /// own clock's, or anything.
    heard: BTreeMap<i64, Time>,
    epochs: LeaderEpochs,
    leader_epoch: i32,
    /// Names came into being since the last sync of the directory.
    names_changed: bool,
    /// Base offsets of segments of which something was cut off since the last sync. They have to be synced though they did not grow: a
    /// crash could bring back what was cut, in the middle of the log.
    cut: BTreeSet<i64>,
    incarnations: u64,
}

/// A part of a segment's file, to be sent as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSlice {
    /// The segment's file. It may be removed or replaced as soon as the partition is unlocked: open it before.
    pub file: String,
    /// No other file of this log ever has the same number: a key for open files.
    pub incarnation: u64,
    /// Its first byte, where a batch begins.
    pub position: u64,
    /// How many bytes; 0 at the log's end. The last batch may be cut.
    pub len: u64,
}

/// Where a log ends, as a place in its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// The offset behind the last record.
    pub offset: i64,
    /// The base offset of the active segment.
    pub segment: i64,
    /// Its bytes.
    pub position: u64,
}

/// What has to be synced so that all that was appended until now is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSync {
    /// The files to sync.
    pub files: Vec<String>,
    /// The directory to sync, where names came into being.
    pub dir: Option<String>,
    /// What is durable then.
    pub end: LogEnd,
}

impl PendingSync {
    /// Syncs: the part that takes long, and needs no lock.
    ///
    /// # Errors
    /// The disk's. Nobody knows then what of the log is durable: it must not be tried again, and the log goes offline.
    pub fn write(&self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        for file in &self.files {
            match disk.sync(file) {
                // Retention was faster.
                Err(error) if error.kind == DiskErrorKind::NotFound => {}
                synced => synced?,
            }
        }
        self.dir.as_ref().map_or(Ok(()), |dir| disk.sync_dir(dir))
    }
}

impl Log {
    /// The directory, below the disk's root.
    pub fn dir(&self) -> &str {
        &self.dir
    }

    /// The topic's settings.
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Changes the settings; what they say holds from the next append on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// The segments, by base offset.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The first offset that can be read, if there is a record.
    pub fn log_start_offset(&self) -> i64 {
        self.offsets.log_start
    }

    /// All before it is durable.
    pub fn recovery_point(&self) -> i64 {
        self.offsets.recovery_point
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> i64 {
        self.active().next_offset
    }

    /// The log's end, as a place.
    pub fn end(&self) -> LogEnd {
        LogEnd {
            offset: self.log_end_offset(),
            segment: self.active().base_offset,
            position: self.active().size,
        }
    }

    /// The leader epoch of this life of the log.
    pub fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// What is known of idempotent producers.
    pub fn producers(&self) -> &ProducerStates {
        &self.producers
    }

    /// Bytes of all segments.
    pub fn size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size).sum()
    }

    /// Forgets producers that have appended nothing for this long (`producer.id.expiration.ms`); for those that were found at the
    /// start, it counts from there.
    pub fn expire_producers(&mut self, now: Time, expiration: Duration) {
        self.heard.retain(|_, at| now.since(*at) < expiration);
        self.producers.retain(|id| self.heard.contains_key(&id));
    }

    /// The end of an epoch; see [`LeaderEpochs::end_offset_for`].
    pub fn end_offset_for_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        if epoch == self.leader_epoch {
            return Some((epoch, self.log_end_offset()));
        }
        self.epochs.end_offset_for(epoch, self.log_end_offset())
    }

    fn active(&self) -> &Segment {
        self.segments.last().expect("a log has an active segment")
    }

    fn active_mut(&mut self) -> &mut Segment {
        self.segments
            .last_mut()
            .expect("a log has an active segment")
    }

    fn next_incarnation(&mut self) -> u64 {
        self.incarnations += 1;
        self.incarnations
    }

    /// The file bytes from `offset` on: from the first batch whose last offset is not before it, at most `max_bytes`, but at least
    /// that whole batch, and nothing behind `end`. They are of one segment, so there may be more to read behind them.
    ///
    /// # Errors
    /// [`LogError::OffsetOutOfRange`] of an offset before the log's start or behind `end`; the disk's.
    pub fn read(
        &self,
        disk: &dyn Disk,
        offset: i64,
        max_bytes: u64,
        end: LogEnd,
    ) -> Result<LogSlice, LogError> {
        let start = self.log_start_offset();
        if offset < start || offset > end.offset {
            return Err(LogError::OffsetOutOfRange {
                offset,
                start,
                end: end.offset,
            });
        }
        let found = if offset == end.offset {
            None
        } else {
            self.find(disk, offset)?
        };
        let place = found.filter(|(segment, position, _)| {
            (segment.base_offset, *position) < (end.segment, end.position)
        });
        let Some((segment, position, header)) = place else {
            let active = self.active();
            return Ok(LogSlice {
                file: active.file(&self.dir),
                incarnation: active.incarnation,
                position: active.size,
                len: 0,
            });
        };
        let until = if segment.base_offset == end.segment {
            end.position
        } else {
            segment.size
        };
        Ok(LogSlice {
            file: segment.file(&self.dir),
            incarnation: segment.incarnation,
            position,
            len: max_bytes.max(header.size() as u64).min(until - position),
        })
    }

    /// The first batch whose last offset is not before `offset`: its segment, position and header.
    fn find(
        &self,
        disk: &dyn Disk,
        offset: i64,
    ) -> Result<Option<(&Segment, u64, BatchHeader)>, LogError> {
        let behind = (self.segments).partition_point(|segment| segment.base_offset <= offset);
        for segment in &self.segments[behind.saturating_sub(1)..] {
            if let Some((position, header)) = self.find_in(disk, segment, offset)? {
                return Ok(Some((segment, position, header)));
            }
        }
        Ok(None)
    }

    fn find_in(
        &self,
        disk: &dyn Disk,
        segment: &Segment,
        offset: i64,
    ) -> Result<Option<(u64, BatchHeader)>, LogError> {
        let hint = segment.position_before(offset);
        match self.walk_to(disk, segment, hint, offset) {
            // An index that was damaged in a way that could not be seen: the log itself knows better.
            Ok(Some((position, header)))
                if hint > 0 && position == hint && header.base_offset > offset =>
            {
                self.walk_to(disk, segment, 0, offset)
            }
            Err(LogError::Damaged { .. }) if hint > 0 => self.walk_to(disk, segment, 0, offset),
            found => found,
        }
    }

    fn walk_to(
        &self,
        disk: &dyn Disk,
        segment: &Segment,
        from: u64,
        offset: i64,
    ) -> Result<Option<(u64, BatchHeader)>, LogError> {
        let file = segment.file(&self.dir);
        let mut reader = BatchReader::new(disk, &file, from, segment.size, SEARCH_BYTES);
        loop {
            match reader.next_header() {
                Ok(Some((_, header))) if header.last_offset() < offset => {}
                Ok(found) => return Ok(found),
                Err(error) => return Err(reader.damaged(error)),
            }
        }
    }

    /// What has to be synced; none where nothing was appended since the last time. At most one may be under way.
    pub fn begin_sync(&mut self) -> Option<PendingSync> {
        let from = self.offsets.recovery_point;
        let cut = std::mem::take(&mut self.cut);
        let files: Vec<String> = (self.segments.iter())
            .filter(|segment| segment.next_offset > from || cut.contains(&segment.base_offset))
            .map(|segment| segment.file(&self.dir))
            .collect();
        let names_changed = std::mem::take(&mut self.names_changed);
        if files.is_empty() && !names_changed {
            return None;
        }
        Some(PendingSync {
            files,
            dir: names_changed.then(|| self.dir.clone()),
            end: self.end(),
        })
    }

    /// [`PendingSync::write`] has succeeded.
    pub fn end_sync(&mut self, pending: &PendingSync) {
        self.offsets.recovery_point = self.offsets.recovery_point.max(pending.end.offset);
    }

    /// Writes down how far the log is durable, so that a crash costs no more than looking at what came later.
    ///
    /// # Errors
    /// The disk's.
    pub fn checkpoint(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        if self.offsets != self.checkpointed {
            files::write_offsets(disk, &self.dir, self.offsets)?;
            self.checkpointed = self.offsets;
        }
        Ok(())
    }

    /// Makes all durable, and writes what spares the next start a look at the log. To be called when the broker stops.
    ///
    /// # Errors
    /// The disk's.
    pub fn close(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        if let Some(pending) = self.begin_sync() {
            pending.write(disk)?;
            self.end_sync(&pending);
        }
        let dir = self.dir.clone();
        self.active_mut().write_indexes(disk, &dir)?;
        self.write_snapshot(disk)?;
        self.checkpoint(disk)
    }

    /// Begins a new active segment, if the present one has a record.
    fn roll(&mut self, disk: &mut dyn Disk, now: Time) -> Result<(), DiskError> {
        if self.active().size == 0 {
            return Ok(());
        }
        let dir = self.dir.clone();
        self.active_mut().write_indexes(disk, &dir)?;
        self.write_snapshot(disk)?;
        let segment = Segment::new(self.log_end_offset(), self.next_incarnation(), now);
        disk.write_at(&segment.file(&dir), 0, &[])?;
        self.segments.push(segment);
        self.names_changed = true;
        Ok(())
    }

    /// Writes a snapshot of producers' states at the log's end, and removes all but one of the earlier ones: should the new one not be
    /// whole after a crash, that one is.
    fn write_snapshot(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        let file = files::path(&self.dir, self.log_end_offset(), SNAPSHOT);
        files::write_over(disk, &file, &self.producers.encode())?;
        let names = disk.list(&self.dir)?;
        let snapshots: Vec<String> = (names.into_iter())
            .filter(|name| files::offset_of(name, SNAPSHOT).is_some())
            .collect();
        for name in &snapshots[..snapshots.len().saturating_sub(2)] {
            files::remove_if_present(disk, &format!("{}/{name}", self.dir))?;
        }
        Ok(())
    }

    /// Removes all files of the partition: its topic is deleted.
    ///
    /// # Errors
    /// The disk's.
    pub fn remove(&self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        for name in disk.list(&self.dir)? {
            files::remove_if_present(disk, &format!("{}/{name}", self.dir))?;
        }
        disk.sync_dir(&self.dir)
    }
}

/// The disk's error of a walk that must not meet any other.
fn disk_error(error: WalkError) -> Result<crate::record::RecordError, DiskError> {
    match error {
        WalkError::Disk(error) => Err(error),
        WalkError::Bad(error) => Ok(error),
    }
}
