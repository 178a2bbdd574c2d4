//! Hashes of the store, by which members that should hold the same find out that they do not.
//!
//! `HashKV` is computed over the very bytes that etcd has in its file: a CRC32C over the bucket's name, then each version's
//! revision and its `mvccpb.KeyValue` as protocol buffers write it. So it equals that of an etcd with the same history.

use std::ops::Bound;

use super::bytes::Bytes;
use super::error::StoreError;
use super::history::{Revision, Version};
use super::mvcc::Mvcc;
use super::pins::Pin;

/// An answer to `HashKV`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashKv {
    /// Over all versions up to the revision that was asked for, but for those that the last compaction made obsolete.
    pub hash: u32,
    /// The store's revision.
    pub revision: i64,
    /// The last compaction. Hashes compare only where it is the same.
    pub compact_revision: i64,
}

/// A hash that is being computed: first all versions are found, in the order of keys; then they are hashed, in that of revisions.
#[derive(Debug)]
pub struct HashScan {
    answer: HashKv,
    upto: i64,
    /// The last key that was looked at.
    cursor: Option<Bytes>,
    found: Vec<(Revision, Bytes)>,
    /// How many of them are hashed, once all are found.
    hashed: Option<usize>,
    /// Keeps what is to be hashed.
    pin: Pin,
}

impl HashScan {
    /// Begins the hash as of `revision`; 0 is the last one.
    ///
    /// # Errors
    /// `Compacted` where it is not behind the last compaction, `FutureRevision`.
    pub(super) fn begin(mvcc: &Mvcc, revision: i64) -> Result<HashScan, StoreError> {
        if revision > 0 && revision <= mvcc.compacted() {
            return Err(StoreError::Compacted);
        }
        if revision > mvcc.revision() {
            return Err(StoreError::FutureRevision);
        }
        let answer = HashKv {
            hash: crc32c::crc32c(b"key"),
            revision: mvcc.revision(),
            compact_revision: mvcc.compacted(),
        };
        Ok(HashScan {
            answer,
            upto: if revision > 0 {
                revision
            } else {
                answer.revision
            },
            cursor: None,
            found: Vec::new(),
            hashed: None,
            pin: mvcc.pin(answer.compact_revision),
        })
    }

    /// Whether what is to be hashed is still there.
    pub(super) fn can_go_on(&self, mvcc: &Mvcc) -> bool {
        mvcc.holds(&self.pin) || mvcc.compacted() == self.answer.compact_revision
    }

    /// Looks at up to `keys_max` keys or versions; says whether those were all.
    pub(super) fn step(&mut self, mvcc: &Mvcc, keys_max: usize) -> bool {
        match self.hashed {
            None => {
                self.find(mvcc, keys_max);
                false
            }
            Some(from) => {
                self.hash(mvcc, from, keys_max);
                self.hashed == Some(self.found.len())
            }
        }
    }

    fn find(&mut self, mvcc: &Mvcc, keys_max: usize) {
        let start = self.cursor.take();
        let start = start.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let keys = mvcc.keys.range::<[u8], _>((start, Bound::Unbounded));
        for (key, history) in keys.take(keys_max) {
            let live = history.at(self.upto).map(|version| version.modified);
            let compacted = self.answer.compact_revision;
            let included =
                |at: &Revision| at.main <= self.upto && (at.main > compacted || Some(*at) == live);
            let revisions = history.versions().iter().map(|version| version.modified);
            let included = revisions.filter(included);
            self.found.extend(included.map(|at| (at, key.clone())));
            self.cursor = Some(key.clone());
        }
        let last = mvcc.keys.keys().next_back();
        if self.cursor.as_ref() >= last {
            self.found.sort_unstable_by_key(|(revision, _)| *revision);
            self.hashed = Some(0);
        }
    }

    fn hash(&mut self, mvcc: &Mvcc, from: usize, versions_max: usize) {
        let behind = from.saturating_add(versions_max).min(self.found.len());
        let mut record = Vec::new();
        for (revision, key) in &self.found[from..behind] {
            if let Some(version) = mvcc.version(key, *revision) {
                record.clear();
                write_record(&mut record, key, version);
                self.answer.hash = crc32c::crc32c_append(self.answer.hash, &record);
            }
        }
        self.hashed = Some(behind);
    }

    /// The hash.
    pub fn finish(self) -> HashKv {
        self.answer
    }
}

/// A version as etcd's file has it: the revision as its key (17 bytes, and a mark if it is a tombstone), then the protobuf.
fn write_record(record: &mut Vec<u8>, key: &[u8], version: &Version) {
    record.extend(version.modified.main.to_be_bytes());
    record.push(b'_');
    record.extend(i64::from(version.modified.sub).to_be_bytes());
    write_bytes(record, 1, key);
    match &version.value {
        Some(value) => {
            write_number(record, 2, version.create_revision);
            write_number(record, 3, version.modified.main);
            write_number(record, 4, version.version);
            write_bytes(record, 5, value);
            write_number(record, 6, version.lease);
        }
        None => record.insert(17, b't'),
    }
}

/// A field of wire type 0. Protocol buffers leave out what is 0.
fn write_number(record: &mut Vec<u8>, field: u8, number: i64) {
    if number != 0 {
        record.push(field << 3);
        write_varint(record, number.cast_unsigned());
    }
}

/// A field of wire type 2.
fn write_bytes(record: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        record.push(field << 3 | 2);
        write_varint(record, bytes.len() as u64);
        record.extend(bytes);
    }
}

fn write_varint(record: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return record.push(low);
        }
        record.push(low | 0x80);
    }
}
