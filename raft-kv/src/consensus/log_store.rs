//! [`Wal`] as `openraft` wants it: `RaftLogStorage`.
//!
//! Appends put records into the log's buffer and return; one flusher writes and syncs what has gathered, and then says so to all who wait. The
//! newest entries stay in memory, decoded: they are what is sent to followers and applied.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use node::Disk;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::{EntryPayload, OptionalSend, RaftLogReader};
use tokio::sync::{Notify, watch};

use crate::consensus::storage::Storage;
use crate::consensus::types::{Entry, LogId, RaftVote, Types, log_id, position, raft_vote, vote};
use crate::wal::recovery::Report;
use crate::wal::{Flush, Location, SEGMENT_BYTES, Wal, WalError};

/// As much of the newest entries is kept in memory, in bytes of their payload: what followers lack yet, or is not applied. The rest is read
/// from the disk, for those who are far behind.
const CACHE_BYTES: usize = 2 << 20;

/// An append to a follower carries as much, in bytes of payload; a longer entry goes alone.
const APPEND_BYTES: usize = 1 << 20;

/// The log of a member. Clones share it.
#[derive(Clone)]
pub(super) struct LogStore {
    shared: Arc<Shared>,
}

struct Shared {
    storage: Storage,
    log: Mutex<Log>,
    /// Something waits to be flushed, or it is time to stop.
    wake: Notify,
    wake_thread: Condvar,
    /// Up to which record all are on the disk; or why there will be no more.
    durable: watch::Sender<Result<u64, String>>,
}

struct Log {
    wal: Wal,
    /// The last entries, without a gap up to the last one.
    cache: VecDeque<Cached>,
    cache_bytes: usize,
    waiting: VecDeque<(u64, IOFlushed<Types>)>,
    is_stopped: bool,
}

struct Cached {
    entry: Entry,
    /// The number of its record.
    record: u64,
    bytes: usize,
}

pub(super) fn failed(error: WalError) -> io::Error {
    io::Error::other(error)
}

impl LogStore {
    /// Opens the log, and begins to flush what is appended.
    pub(super) fn open(
        storage: Storage,
        segment_bytes: Option<u64>,
    ) -> Result<(LogStore, Report), WalError> {
        let mut disk = storage.open();
        let (wal, report) = Wal::open(&mut *disk, segment_bytes.unwrap_or(SEGMENT_BYTES))?;
        let (durable, _) = watch::channel(Ok(wal.durable()));
        let shared = Arc::new(Shared {
            log: Mutex::new(Log {
                wal,
                cache: VecDeque::new(),
                cache_bytes: 0,
                waiting: VecDeque::new(),
                is_stopped: false,
            }),
            wake: Notify::new(),
            wake_thread: Condvar::new(),
            durable,
            storage,
        });
        let flusher = shared.clone();
        if shared.storage.is_blocking() {
            let thread = std::thread::Builder::new().name("wal".to_owned());
            let spawned = thread.spawn(move || flusher.flush_on_thread(&mut *disk));
            spawned.map_err(|e| {
                let kind = node::DiskErrorKind::Io(e.to_string());
                WalError::Disk(node::DiskError::new("begin a thread for", "wal", kind))
            })?;
        } else {
            tokio::spawn(async move { flusher.flush_as_task(disk).await });
        }
        Ok((LogStore { shared }, report))
    }

    /// Writes what waits, and ends the flusher.
    pub(super) async fn stop(&self) {
        let mut durable = self.shared.durable.subscribe();
        self.shared.log().is_stopped = true;
        self.shared.wake();
        // The flusher's last word is an error.
        while durable.borrow_and_update().is_ok() && durable.changed().await.is_ok() {}
    }

    /// How many segments there are, and the bytes in them.
    pub(super) fn size(&self) -> (usize, u64) {
        self.shared.log().wal.size()
    }

    async fn until_durable(&self, record: u64) -> Result<(), io::Error> {
        let mut durable = self.shared.durable.subscribe();
        loop {
            match &*durable.borrow_and_update() {
                Ok(upto) if *upto >= record => return Ok(()),
                Ok(_) => {}
                Err(reason) => return Err(io::Error::other(reason.clone())),
            }
            durable.changed().await.map_err(io::Error::other)?;
        }
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        // A panic under the lock is a bug, which the panic itself reports; what is in memory is consistent between statements.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if self.storage.is_blocking() {
            self.wake_thread.notify_one();
        } else {
            self.wake.notify_one();
        }
    }

    fn tell(&self, durable: Result<u64, String>) {
        self.durable.send_modify(|known| *known = durable);
    }

    fn flush_on_thread(&self, disk: &mut dyn Disk) {
        while self.flush(disk) {
            let mut log = self.log();
            while !log.wal.has_pending() && !log.is_stopped {
                let woken = self.wake_thread.wait(log);
                log = woken.unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    async fn flush_as_task(&self, mut disk: Box<dyn Disk + Send>) {
        while self.flush(&mut *disk) {
            self.wake.notified().await;
        }
    }

    /// Flushes until nothing waits. Returns whether to go on.
    fn flush(&self, disk: &mut dyn Disk) -> bool {
        loop {
            let mut log = self.log();
            let is_stopped = log.is_stopped;
            let wanted = log.wal.has_pending() || is_stopped;
            let Some(flush) = wanted.then(|| log.wal.begin_flush()).flatten() else {
                if is_stopped {
                    self.tell(Err("it was stopped".to_owned()));
                }
                return !is_stopped;
            };
            drop(log);
            let written = write(&flush, disk);
            let mut log = self.log();
            if let Err(error) = written {
                let reason = format!(
                    "{error}; what is on the disk is not known now, so this member must be started anew"
                );
                tracing::error!("the log failed: {reason}");
                for (_, flushed) in log.waiting.drain(..) {
                    flushed.io_completed(Err(io::Error::other(reason.clone())));
                }
                log.is_stopped = true;
                self.tell(Err(reason));
                return false;
            }
            log.wal.end_flush(&flush);
            let done = log
                .waiting
                .partition_point(|(record, _)| *record <= flush.last);
            let done: Vec<_> = log.waiting.drain(..done).collect();
            log.trim();
            drop(log);
            self.tell(Ok(flush.last));
            for (_, flushed) in done {
                flushed.io_completed(Ok(()));
            }
        }
    }
}

/// Writes and syncs, measured under etcd's name for it.
fn write(flush: &Flush, disk: &mut dyn Disk) -> Result<(), node::DiskError> {
    let bytes = flush.bytes.len();
    let _span = tracing::debug_span!("fsync", record = flush.last, bytes).entered();
    let began = Instant::now();
    flush.write(disk)?;
    metrics::histogram!("etcd_disk_wal_fsync_duration_seconds").record(began.elapsed());
    metrics::counter!("etcd_disk_wal_write_bytes_total").increment(bytes as u64);
    Ok(())
}

impl Log {
    fn check(&self) -> Result<(), io::Error> {
        if self.is_stopped {
            return Err(io::Error::other("the log was stopped"));
        }
        Ok(())
    }

    fn append(&mut self, entry: Entry) -> Result<u64, io::Error> {
        let payload = postcard::to_stdvec(&entry.payload).map_err(io::Error::other)?;
        let record = self
            .wal
            .append(position(&entry.log_id), &payload)
            .map_err(failed)?;
        self.cache_bytes += payload.len();
        self.cache.push_back(Cached {
            entry,
            record,
            bytes: payload.len(),
        });
        Ok(record)
    }

    /// Drops what is more than the cache may hold, and on the disk.
    fn trim(&mut self) {
        while self.cache_bytes > CACHE_BYTES
            && let Some(oldest) = self.cache.front()
            && oldest.record <= self.wal.durable()
        {
            self.cache_bytes -= oldest.bytes;
            self.cache.pop_front();
        }
    }

    /// Forgets the entries that the log has no more.
    fn forget(&mut self) {
        let first = self
            .wal
            .locations(0, u64::MAX)
            .next()
            .map(|first| first.position.index);
        let last = self.wal.last().map(|last| last.index);
        self.cache.retain(|cached| {
            let index = Some(cached.entry.log_id.index);
            first.is_some() && index >= first && index <= last
        });
        self.cache_bytes = self.cache.iter().map(|cached| cached.bytes).sum();
    }

    /// The entries of a range: where those lie that are on the disk alone, and those behind them.
    fn range(&self, from: u64, to: u64) -> (Vec<Location>, impl Iterator<Item = &Cached>) {
        let first = self
            .cache
            .front()
            .map_or(u64::MAX, |cached| cached.entry.log_id.index);
        let on_disk = self.wal.locations(from, to.min(first)).cloned().collect();
        let at = |index: u64| {
            let at = usize::try_from(index.saturating_sub(first)).unwrap_or(usize::MAX);
            at.min(self.cache.len())
        };
        (on_disk, self.cache.range(at(from)..at(to).max(at(from))))
    }
}

fn read(disk: &dyn Disk, location: &Location) -> Result<Entry, io::Error> {
    let entry = location.read(disk).map_err(failed)?;
    let payload: EntryPayload<_, _, _> = postcard::from_bytes(&entry.payload).map_err(|e| {
        io::Error::other(format!(
            "the entry at {:?} is none that is understood here: {e}",
            entry.position
        ))
    })?;
    Ok(Entry::new(log_id(entry.position), payload))
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> Result<Vec<Entry>, io::Error> {
        let from = match range.start_bound() {
            Bound::Included(from) => *from,
            Bound::Excluded(before) => before + 1,
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(last) => last + 1,
            Bound::Excluded(to) => *to,
            Bound::Unbounded => u64::MAX,
        };
        self.shared.read(from, to, usize::MAX)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, io::Error> {
        self.shared.read(start, end, APPEND_BYTES)
    }

    async fn read_vote(&mut self) -> Result<Option<RaftVote>, io::Error> {
        Ok(self.shared.log().wal.vote().map(raft_vote))
    }
}

impl Shared {
    /// The entries of a range, or of its beginning where they have more than `bytes_max` bytes; at least one.
    fn read(&self, from: u64, to: u64, bytes_max: usize) -> Result<Vec<Entry>, io::Error> {
        let log = self.log();
        let (on_disk, cached) = log.range(from, to);
        let mut bytes: usize = 0;
        let mut fits = |len: usize| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(len);
            is_first || bytes <= bytes_max
        };
        let locations: Vec<_> = on_disk
            .into_iter()
            .take_while(|at| fits(at.frame_len()))
            .collect();
        let cached: Vec<_> = cached
            .take_while(|cached| fits(cached.bytes))
            .map(|cached| cached.entry.clone())
            .collect();
        drop(log);
        if locations.is_empty() {
            return Ok(cached);
        }
        let disk = self.storage.open();
        let mut entries = Vec::with_capacity(locations.len() + cached.len());
        for location in &locations {
            entries.push(read(&*disk, location)?);
        }
        entries.extend(cached);
        Ok(entries)
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let log = self.shared.log();
        Ok(LogState {
            last_purged_log_id: log.wal.purged().map(log_id),
            last_log_id: log.wal.last().map(log_id),
        })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    async fn save_vote(&mut self, new: &RaftVote) -> Result<(), io::Error> {
        let record = {
            let mut log = self.shared.log();
            log.check()?;
            log.wal.save_vote(vote(new)).map_err(failed)?
        };
        self.shared.wake();
        self.until_durable(record).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        if let Some(committed) = committed {
            tracing::debug!(index = committed.index, "commit");
            self.shared.log().wal.save_committed(position(&committed));
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.shared.log().wal.committed().map(log_id))
    }

    async fn append<I>(&mut self, entries: I, flushed: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        {
            let mut log = self.shared.log();
            log.check()?;
            let mut last = None;
            for entry in entries {
                let index = entry.log_id.index;
                let record = log.append(entry)?;
                tracing::debug!(index, record, "append");
                last = Some(record);
            }
            let Some(last) = last else {
                drop(log);
                flushed.io_completed(Ok(()));
                return Ok(());
            };
            log.waiting.push_back((last, flushed));
        }
        self.shared.wake();
        Ok(())
    }

    async fn truncate_after(&mut self, after: Option<LogId>) -> Result<(), io::Error> {
        let mut log = self.shared.log();
        log.check()?;
        let after = after.map(|after| after.index);
        log.wal.truncate_after(after).map_err(failed)?;
        log.forget();
        Ok(())
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        let mut log = self.shared.log();
        log.check()?;
        log.wal.purge(position(&upto));
        log.forget();
        Ok(())
    }
}
