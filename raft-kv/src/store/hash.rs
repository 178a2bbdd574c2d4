//! Hashes of the store, by which members that should hold the same find out that they do not.
//!
//! `HashKV` is computed over the very bytes that etcd has in its file: a CRC32C over the bucket's name, then each version's
//! revision and its `mvccpb.KeyValue` as protocol buffers write it. So it equals that of an etcd with the same history.

use super::bytes::Bytes;
use super::error::StoreError;
use super::history::{Revision, Version};
use super::mvcc::Mvcc;

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

impl Mvcc {
    /// The hash as of `revision`; 0 is the last one.
    ///
    /// # Errors
    /// `Compacted` where it is not behind the last compaction, `FutureRevision`.
    pub fn hash_kv(&self, revision: i64) -> Result<HashKv, StoreError> {
        if revision > 0 && revision <= self.compacted() {
            return Err(StoreError::Compacted);
        }
        if revision > self.revision() {
            return Err(StoreError::FutureRevision);
        }
        let upto = if revision > 0 {
            revision
        } else {
            self.revision()
        };
        let mut versions: Vec<(Revision, &Bytes, &Version)> = Vec::new();
        for (key, history) in &self.keys {
            let live = history.at(upto).map(|version| version.modified);
            let included = |version: &&Version| {
                let at = version.modified;
                at.main <= upto && (at.main > self.compacted() || Some(at) == live)
            };
            let included = history.versions().iter().filter(included);
            versions.extend(included.map(|version| (version.modified, key, version)));
        }
        versions.sort_unstable_by_key(|(revision, ..)| *revision);
        let mut hash = crc32c::crc32c(b"key");
        let mut record = Vec::new();
        for (_, key, version) in versions {
            record.clear();
            write_record(&mut record, key, version);
            hash = crc32c::crc32c_append(hash, &record);
        }
        Ok(HashKv {
            hash,
            revision: self.revision(),
            compact_revision: self.compacted(),
        })
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
