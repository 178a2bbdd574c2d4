//! Snapshots: the whole store as a sequence of chunks.
//!
//! Making one does not stop the store: the versions as of its revision stay as they are while others are added, so it is read a chunk
//! at a time with writes between. All that must not go on meanwhile is giving back what compactions made obsolete.

use std::ops::Bound;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Store;
use super::bytes::Bytes;
use super::command::{AlarmType, LeaseId};
use super::history::{KeyHistory, Version};
use super::leases::Leases;
use super::mvcc::Mvcc;
use super::pins::Pin;

const FORMAT: u32 = 1;

/// How large a chunk becomes, in bytes; it may be longer by one version.
pub const CHUNK_BYTES: usize = 1 << 20;

/// What a chunk is a sequence of.
#[derive(Debug, Serialize, Deserialize)]
enum Item {
    Header {
        format: u32,
        applied: u64,
        revision: i64,
        compacted: i64,
    },
    Lease(LeaseId, i64),
    Alarm(u64, AlarmType),
    /// In the order of keys, then of revisions.
    Version(Bytes, Version),
    /// How many versions came before it: a snapshot that lacks its end is none.
    End(u64),
}

/// A snapshot that is not what a store wrote.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// The source of the chunks failed.
    #[error("cannot read the snapshot: {0}")]
    Source(String),
    /// Bytes that do not decode.
    #[error(
        "the snapshot is damaged in chunk {chunk}; fetch it again from the leader, or restore the member's directory"
    )]
    Damaged {
        /// Counted from 0.
        chunk: usize,
    },
    /// Another version of this program wrote it.
    #[error(
        "the snapshot has format {found}, and this program knows format {FORMAT}; use the version that wrote it"
    )]
    Format {
        /// What it says.
        found: u32,
    },
    /// It ends too early.
    #[error("the snapshot ends too early: {versions} versions and no end; fetch it again")]
    Truncated {
        /// How many versions were there.
        versions: u64,
    },
}

/// A snapshot that is being written.
#[derive(Debug)]
pub struct Snapshot {
    /// What comes before the versions.
    head: Vec<Item>,
    revision: i64,
    compacted: i64,
    /// The last key of which something was written, and how many of its versions.
    cursor: Option<(Bytes, usize)>,
    versions: u64,
    done: bool,
    _pin: Pin,
}

impl Store {
    /// Begins a snapshot of the store as it is now.
    pub fn begin_snapshot(&self) -> Snapshot {
        let (revision, compacted) = (self.mvcc.revision(), self.mvcc.compacted());
        let mut head = vec![Item::Header {
            format: FORMAT,
            applied: self.applied,
            revision,
            compacted,
        }];
        head.extend(self.leases.iter().map(|(id, ttl)| Item::Lease(id, ttl)));
        let alarms = self.alarms.iter();
        head.extend(alarms.map(|(member, alarm)| Item::Alarm(*member, *alarm)));
        Snapshot {
            head,
            revision,
            compacted,
            cursor: None,
            versions: 0,
            done: false,
            // What was given back already is not needed; nothing else goes.
            _pin: self.mvcc.pin(i64::MIN),
        }
    }

    /// The next chunk of about [`CHUNK_BYTES`]; none when the snapshot is whole. Writes between two chunks do not change it.
    pub fn next_chunk(&self, snapshot: &mut Snapshot) -> Option<Vec<u8>> {
        if snapshot.done {
            return None;
        }
        let mut chunk = Vec::new();
        for item in snapshot.head.drain(..) {
            write_item(&mut chunk, &item);
        }
        let mut written = snapshot.cursor.take();
        let start = written.as_ref().map(|(key, _)| key.clone());
        let start = start.as_deref().map_or(Bound::Unbounded, Bound::Included);
        for (key, history) in self.mvcc.keys.range::<[u8], _>((start, Bound::Unbounded)) {
            let first = match written.take() {
                Some((before, count)) if before == *key => count,
                _ => history.obsolete(snapshot.compacted),
            };
            for (index, version) in history.versions().iter().enumerate().skip(first) {
                if version.modified.main > snapshot.revision {
                    break;
                }
                if chunk.len() >= CHUNK_BYTES {
                    snapshot.cursor = Some((key.clone(), index));
                    return Some(chunk);
                }
                write_item(&mut chunk, &Item::Version(key.clone(), version.clone()));
                snapshot.versions += 1;
            }
        }
        snapshot.done = true;
        write_item(&mut chunk, &Item::End(snapshot.versions));
        Some(chunk)
    }

    /// Makes the store what the chunks say, whatever it was. Where they are not a whole snapshot, it stays as it is.
    ///
    /// # Errors
    /// See [`SnapshotError`].
    pub fn restore(
        &mut self,
        chunks: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), SnapshotError> {
        let mut reader = Reader::default();
        for (number, chunk) in chunks.enumerate() {
            let chunk = chunk.map_err(SnapshotError::Source)?;
            reader.read(number, &chunk)?;
        }
        let restored = reader.finish(self.quota_bytes)?;
        *self = restored;
        Ok(())
    }
}

fn write_item(chunk: &mut Vec<u8>, item: &Item) {
    // Writing to memory does not fail.
    if let Ok(longer) = postcard::to_extend(item, std::mem::take(chunk)) {
        *chunk = longer;
    }
}

/// A snapshot that is being read.
#[derive(Default)]
struct Reader {
    /// Applied index, revision, compaction.
    header: Option<(u64, i64, i64)>,
    leases: Leases,
    alarms: Vec<(u64, AlarmType)>,
    keys: Vec<(Bytes, Vec<Version>)>,
    versions: u64,
    ended: bool,
}

impl Reader {
    fn read(&mut self, number: usize, mut chunk: &[u8]) -> Result<(), SnapshotError> {
        let damaged = SnapshotError::Damaged { chunk: number };
        while !chunk.is_empty() {
            let (item, rest) = postcard::take_from_bytes(chunk).map_err(|_| damaged.clone())?;
            chunk = rest;
            let good = !self.ended && self.header.is_some() != matches!(item, Item::Header { .. });
            if !good || !self.take(item)? {
                return Err(damaged);
            }
        }
        Ok(())
    }

    /// Whether the item can stand where it stands.
    fn take(&mut self, item: Item) -> Result<bool, SnapshotError> {
        match item {
            Item::Header { format, .. } if format != FORMAT => {
                return Err(SnapshotError::Format { found: format });
            }
            Item::Header {
                applied,
                revision,
                compacted,
                ..
            } => {
                self.header = Some((applied, revision, compacted));
            }
            Item::Lease(id, ttl) => return Ok(self.leases.grant(id, ttl).is_ok()),
            Item::Alarm(member, alarm) => self.alarms.push((member, alarm)),
            Item::Version(key, version) => {
                self.versions += 1;
                match self.keys.last_mut() {
                    Some((last, versions)) if *last == key => {
                        let ascends = versions
                            .last()
                            .is_none_or(|v| v.modified < version.modified);
                        versions.push(version);
                        return Ok(ascends);
                    }
                    Some((last, _)) if *last > key => return Ok(false),
                    _ => self.keys.push((key, Vec::from([version]))),
                }
            }
            Item::End(versions) => {
                self.ended = true;
                return Ok(versions == self.versions);
            }
        }
        Ok(true)
    }

    fn finish(mut self, quota_bytes: u64) -> Result<Store, SnapshotError> {
        let header = self.header.filter(|_| self.ended);
        let (applied, revision, compacted) = header.ok_or(SnapshotError::Truncated {
            versions: self.versions,
        })?;
        let mut keys = Vec::with_capacity(self.keys.len());
        for (key, mut versions) in self.keys {
            if let Some(last) = versions.last() {
                self.leases.attach(&key, 0, last.lease);
            }
            versions.shrink_to_fit();
            keys.push((key, KeyHistory::from_versions(versions)));
        }
        Ok(Store {
            mvcc: Mvcc::from_versions(revision, compacted, keys),
            leases: self.leases,
            alarms: self.alarms.into_iter().collect(),
            applied,
            events: Vec::new(),
            quota_bytes,
        })
    }
}
