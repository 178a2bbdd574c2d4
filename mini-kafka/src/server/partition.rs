//! A partition in the shell: its core and its disk under one lock, an fsync that many appends share, and the files that
//! fetches read from.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use anyhow::Result;
use node::{FileDisk, Time};
use tokio::sync::OwnedMutexGuard;
use tracing::{info, warn};

use super::log_dir::LogDir;
use super::metrics::{self, Traffic};
use super::response::FileSlice;
use crate::error::ErrorCode;
use crate::fetch::purgatory::PartitionKey;
use crate::log::producer_state::ProducerEntry;
use crate::log::{LogConfig, LogError};
use crate::partition::{AppendInfo, Partition, RecoveryReport};
use crate::record::compression::Compression;

/// Files of a partition that are held open for fetches.
const OPEN_FILES_MAX: usize = 8;

/// A partition that is served.
#[derive(Debug)]
pub struct Served {
    /// Its topic and number.
    pub key: PartitionKey,
    /// What is counted of its records since the broker was started.
    pub traffic: Traffic,
    dir: Arc<LogDir>,
    slot: Mutex<Slot>,
    /// Held while files are synced, also when nobody waits for that any more. Whoever gets it finds that he has been synced
    /// along, or syncs for all behind him.
    syncing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug)]
struct Slot {
    partition: Partition,
    disk: FileDisk,
    files: BTreeMap<u64, Arc<File>>,
}

/// Where a partition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    /// The first offset that is there.
    pub log_start: i64,
    /// What consumers may read ends here.
    pub high_watermark: i64,
    /// The next record's offset.
    pub log_end: i64,
    /// The leader epoch.
    pub leader_epoch: i32,
}

/// What a fetch found in a partition.
#[derive(Clone, Debug)]
pub struct Found {
    /// Whole batches, perhaps with a part of one at the end; none at the end of the log.
    pub slice: Option<FileSlice>,
    /// Where the partition stands.
    pub offsets: Offsets,
}

impl Served {
    /// Opens a partition's log, and recovers what is there.
    ///
    /// # Errors
    /// When its files cannot be read or mended.
    pub fn open(
        dir: &Arc<LogDir>,
        key: PartitionKey,
        config: LogConfig,
        now: Time,
    ) -> Result<Served> {
        let mut disk = dir.disk.clone();
        let name = directory(&key);
        let (partition, report) = Partition::open(&mut disk, &name, config, now)?;
        if report != RecoveryReport::default() {
            info!(partition = name, %report, "recovered");
        }
        let slot = Slot {
            partition,
            disk,
            files: BTreeMap::new(),
        };
        Ok(Served {
            key,
            traffic: Traffic::default(),
            dir: dir.clone(),
            slot: Mutex::new(slot),
            syncing: Arc::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends one batch, as it came.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn append(&self, batch: &mut [u8], now: Time) -> Result<AppendInfo, ErrorCode> {
        self.dir.check()?;
        let mut slot = self.lock();
        let _reserve = self.dir.keep_reserve()?;
        let Slot {
            partition, disk, ..
        } = &mut *slot;
        let appended = partition.append(disk, batch, now);
        appended.map_err(|error| self.refused(&error))
    }

    /// Where it stands.
    pub fn offsets(&self) -> Offsets {
        self.lock().offsets()
    }

    /// Whether what was just appended may be acknowledged before it is synced.
    pub fn acknowledges_at_once(&self) -> bool {
        !self.lock().partition.config().syncs_always()
    }

    /// Whether the topic's own codec is zstd, which old consumers do not know.
    pub fn compresses_with_zstd(&self) -> bool {
        self.lock().partition.config().compression_type == Some(Compression::Zstd)
    }

    /// Waits until all below `end` is synced, and syncs where nobody else does.
    ///
    /// # Errors
    /// When it will not be: the disk failed, or the topic was deleted.
    pub async fn synced(self: &Arc<Self>, end: i64) -> Result<(), ErrorCode> {
        let turn = self.syncing.clone().lock_owned().await;
        if self.lock().partition.durable_end_offset() < end {
            self.sync_now(turn).await?;
        }
        // A partition that is offline has nothing to sync.
        if self.lock().partition.durable_end_offset() < end {
            return Err(ErrorCode::KafkaStorageError);
        }
        Ok(())
    }

    /// Syncs in a thread that has the turn, since it goes on where this future is dropped.
    async fn sync_now(self: &Arc<Self>, turn: OwnedMutexGuard<()>) -> Result<(), ErrorCode> {
        self.dir.check()?;
        let served = self.clone();
        let synced = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            served.sync_blocking()
        });
        synced.await.unwrap_or_else(|panic| {
            self.dir.fail(&panic);
            Err(ErrorCode::KafkaStorageError)
        })
    }

    fn sync_blocking(&self) -> Result<(), ErrorCode> {
        let Some(pending) = self.lock().partition.begin_sync() else {
            return Ok(());
        };
        let began = Instant::now();
        let written = pending.write(&mut self.dir.disk.clone());
        metrics::synced(began.elapsed());
        if let Err(error) = written {
            self.dir.fail(&error);
            self.lock().partition.fail(&error.to_string());
            return Err(ErrorCode::KafkaStorageError);
        }
        self.lock().partition.end_sync(&pending);
        Ok(())
    }

    /// Syncs if `flush.messages` or `flush.ms` ask for it.
    pub async fn sync_if_due(self: &Arc<Self>, now: Time) {
        let turn = self.syncing.clone().lock_owned().await;
        let due = self.lock().partition.sync_due(now);
        if due {
            // The failure has been told, and took the directory offline.
            let _ = self.sync_now(turn).await;
        }
    }

    /// What is there from `offset` on, up to `max_bytes`, but one batch at least.
    ///
    /// # Errors
    /// When the offset is not in the log, or the log cannot be read.
    pub fn read(&self, offset: i64, max_bytes: usize) -> Result<Found, ErrorCode> {
        self.dir.check()?;
        let mut slot = self.lock();
        let slice = slot.partition.read(&slot.disk, offset, max_bytes as u64);
        let slice = slice.map_err(|error| self.unread(&error))?;
        let offsets = slot.offsets();
        if slice.len == 0 {
            return Ok(Found {
                slice: None,
                offsets,
            });
        }
        let file = slot
            .open_file(slice.incarnation, &slice.file)
            .map_err(|e| {
                warn!(file = slice.file, "cannot be opened: {e}");
                ErrorCode::KafkaStorageError
            })?;
        Ok(Found {
            slice: Some(FileSlice {
                file,
                position: slice.position,
                len: usize::try_from(slice.len).unwrap_or(usize::MAX),
            }),
            offsets,
        })
    }

    /// The same, in memory; none at the end of the log.
    ///
    /// # Errors
    /// The same.
    pub fn read_bytes(&self, offset: i64, max_bytes: usize) -> Result<Option<Vec<u8>>, ErrorCode> {
        let Some(slice) = self.read(offset, max_bytes)?.slice else {
            return Ok(None);
        };
        let mut bytes = vec![0; slice.len];
        let read = slice.file.read_exact_at(&mut bytes, slice.position);
        read.map_err(|e| {
            warn!(partition = directory(&self.key), "cannot be read: {e}");
            ErrorCode::KafkaStorageError
        })?;
        Ok(Some(bytes))
    }

    /// The first record whose timestamp is not before `timestamp_ms`: its offset and timestamp.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn offset_for_timestamp(&self, timestamp_ms: i64) -> Result<Option<(i64, i64)>, ErrorCode> {
        self.dir.check()?;
        let slot = self.lock();
        let found = slot
            .partition
            .offset_for_timestamp(&slot.disk, timestamp_ms);
        found.map_err(|error| self.unread(&error))
    }

    /// The first record with the highest timestamp that consumers see: its offset and timestamp; none where none has one.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn max_timestamp(&self) -> Result<Option<(i64, i64)>, ErrorCode> {
        self.dir.check()?;
        let slot = self.lock();
        let found = slot.partition.max_timestamp(&slot.disk);
        found.map_err(|error| self.unread(&error))
    }

    /// What a client hears where the log could not be read; its owner hears why.
    fn unread(&self, error: &LogError) -> ErrorCode {
        let code = error.code();
        if code == ErrorCode::KafkaStorageError {
            warn!(partition = directory(&self.key), "cannot be read: {error}");
        }
        code
    }

    /// The last epoch not above `epoch`, and where it ends.
    pub fn end_offset_for_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        self.lock().partition.end_offset_for_epoch(epoch)
    }

    /// What is known of idempotent producers, by their ids.
    ///
    /// # Errors
    /// When the log directory is offline.
    pub fn producers(&self) -> Result<BTreeMap<i64, ProducerEntry>, ErrorCode> {
        self.dir.check()?;
        let slot = self.lock();
        Ok(slot.partition.log().producers().producers().clone())
    }

    /// Forgets what is before an offset (-1: before the high watermark); the first that is left.
    ///
    /// # Errors
    /// When the offset is above the high watermark, the topic is only compacted, or the disk failed.
    pub fn delete_records(&self, before: i64, now: Time) -> Result<i64, ErrorCode> {
        self.dir.check()?;
        let mut slot = self.lock();
        // Of a topic that is only compacted everyone counts on the last record of each key.
        if !slot.partition.config().cleanup_policy.delete {
            return Err(ErrorCode::PolicyViolation);
        }
        let Slot {
            partition,
            disk,
            files,
        } = &mut *slot;
        self.dir.making_room(|| {
            let deleted = partition.delete_records(disk, before, now);
            // A file that is removed takes room for as long as it is open.
            files.clear();
            deleted.map_err(|error| self.refused(&error))
        })
    }

    /// Its settings become these.
    pub fn set_config(&self, config: LogConfig) {
        self.lock().partition.set_config(config);
    }

    /// Rolls, and removes what is too old or too much.
    pub fn tick(&self, now: Time) {
        if self.dir.is_offline() {
            return;
        }
        let mut slot = self.lock();
        let Slot {
            partition,
            disk,
            files,
        } = &mut *slot;
        let ticked = self.dir.making_room(|| {
            let ticked = partition.tick(disk, now);
            ticked.map_err(|error| self.refused(&error))
        });
        if ticked != Ok(0) {
            files.clear();
        }
    }

    /// Compacts, if it is due.
    pub fn clean(&self, now: Time) {
        if self.dir.is_offline() {
            return;
        }
        let Some(plan) = self.lock().partition.plan_cleaning(now) else {
            return;
        };
        let mut disk = self.dir.disk.clone();
        let cleaned = match plan.run(&mut disk, now) {
            Ok(cleaned) => cleaned,
            // Its topic was deleted meanwhile.
            Err(_) if self.lock().partition.failure().is_some() => return,
            Err(error) => {
                warn!(partition = directory(&self.key), "not compacted");
                return self.failed(&error);
            }
        };
        let (before, after) = (cleaned.bytes_read, cleaned.bytes_written);
        info!(
            partition = directory(&self.key),
            before, after, "compacted, in bytes"
        );
        let mut slot = self.lock();
        let Slot {
            partition,
            disk,
            files,
        } = &mut *slot;
        files.clear();
        if let Err(error) = partition.finish_cleaning(disk, cleaned) {
            self.failed(&error);
        }
    }

    /// Notes how far the log is known to be whole, so that the next start reads less.
    pub fn checkpoint(&self) {
        self.at_disk(|partition, disk| partition.checkpoint(disk));
    }

    /// Ends in good order: the next start has nothing to recover.
    pub async fn close(&self) {
        let _turn = self.syncing.lock().await;
        self.at_disk(|partition, disk| partition.close(disk));
    }

    /// Removes its files.
    pub fn remove(&self) {
        self.at_disk(|partition, disk| partition.remove(disk));
        // A disk knows files alone. What it left is empty, and nothing comes of it where it stays.
        let _ = std::fs::remove_dir(self.dir.disk.root().join(directory(&self.key)));
    }

    /// What a client is told. That it asked for what cannot be is nothing for the broker's log.
    fn refused(&self, error: &LogError) -> ErrorCode {
        if error.code() == ErrorCode::KafkaStorageError {
            self.failed(error);
        }
        error.code()
    }

    /// The whole directory is offline where a log cannot go on.
    fn failed(&self, error: &LogError) {
        if error.is_fatal() {
            self.dir.fail(error);
        } else {
            warn!(partition = directory(&self.key), "{error}");
        }
    }

    fn at_disk(&self, act: impl FnOnce(&mut Partition, &mut FileDisk) -> Result<(), LogError>) {
        if self.dir.is_offline() {
            return;
        }
        let mut slot = self.lock();
        let Slot {
            partition, disk, ..
        } = &mut *slot;
        if let Err(error) = act(partition, disk) {
            self.failed(&error);
        }
    }

    /// Bytes on the disk.
    pub fn size_bytes(&self) -> u64 {
        self.lock().partition.log().size()
    }
}

impl Slot {
    fn offsets(&self) -> Offsets {
        Offsets {
            log_start: self.partition.log_start_offset(),
            high_watermark: self.partition.high_watermark(),
            log_end: self.partition.log_end_offset(),
            leader_epoch: self.partition.leader_epoch(),
        }
    }

    fn open_file(&mut self, incarnation: u64, name: &str) -> std::io::Result<Arc<File>> {
        if let Some(file) = self.files.get(&incarnation) {
            return Ok(file.clone());
        }
        let file = Arc::new(File::open(self.disk.root().join(name))?);
        if self.files.len() >= OPEN_FILES_MAX {
            self.files.pop_first();
        }
        self.files.insert(incarnation, file.clone());
        Ok(file)
    }
}

/// `<topic>-<partition>`.
pub fn directory((topic, partition): &PartitionKey) -> String {
    format!("{topic}-{partition}")
}

#[cfg(test)]
mod tests;
