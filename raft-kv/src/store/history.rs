//! The versions of one key (etcd's `keyIndex`). A put that finds nothing begins a **generation**, a deletion ends it with a tombstone;
//! `create_revision` is a generation's beginning, `version` counts within it.
//!
//! etcd keeps revisions here, and values in a file beside them. Here both are in memory, so a version holds its value.

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::command::{KeyValue, LeaseId};

/// A point in the store's history: the transaction, and which of its changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Revision {
    /// What clients call the revision: one more for each transaction that changed something.
    pub main: i64,
    /// The change within it, from 0.
    pub sub: u32,
}

/// What a key was from one revision on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Since when.
    pub modified: Revision,
    /// The revision that began its generation; 0 of a tombstone.
    pub create_revision: i64,
    /// Its number in the generation, from 1; 0 of a tombstone.
    pub version: i64,
    /// The lease that the key goes with; 0 is none.
    pub lease: LeaseId,
    /// The value; none is a tombstone: the key was deleted.
    pub value: Option<Bytes>,
}

impl Version {
    /// As clients see it; none of a tombstone.
    pub fn key_value(&self, key: &Bytes) -> Option<KeyValue> {
        Some(KeyValue {
            key: key.clone(),
            create_revision: self.create_revision,
            mod_revision: self.modified.main,
            version: self.version,
            value: self.value.clone()?,
            lease: self.lease,
        })
    }

    /// How much of the quota it takes, in bytes.
    pub(super) fn bytes(&self, key: &[u8]) -> u64 {
        let value = self.value.as_ref().map_or(0, |value| value.len());
        (key.len() + value + size_of::<Version>()) as u64
    }
}

/// All versions of a key that are kept, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyHistory {
    versions: Vec<Version>,
}

impl KeyHistory {
    /// A history that holds these versions, in the order of their revisions.
    pub fn from_versions(versions: Vec<Version>) -> KeyHistory {
        KeyHistory { versions }
    }

    /// All versions that are kept, oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// The version that the key had at revision `main`, that is behind all changes of that transaction; none if it was not
    /// there: not yet, or no longer.
    pub fn at(&self, main: i64) -> Option<&Version> {
        // EXERCISE(raft/mvcc): the last version that is not behind `main`, unless it is a tombstone.
        let behind = (self.versions).partition_point(|version| version.modified.main <= main);
        let version = self.versions[..behind].last()?;
        version.value.is_some().then_some(version)
    }

    /// Adds a version with a value. `revision` is behind all that are here.
    pub fn put(&mut self, revision: Revision, value: Bytes, lease: LeaseId) {
        // EXERCISE(raft/mvcc): go on with the key's generation, or begin one.
        let (create_revision, version) = match self.versions.last() {
            Some(last) if last.value.is_some() => (last.create_revision, last.version + 1),
            _ => (revision.main, 1),
        };
        self.push(Version {
            modified: revision,
            create_revision,
            version,
            lease,
            value: Some(value),
        });
    }

    /// Ends the generation with a tombstone. `revision` is behind all that are here.
    pub fn delete(&mut self, revision: Revision) {
        self.push(Version {
            modified: revision,
            create_revision: 0,
            version: 0,
            lease: 0,
            value: None,
        });
    }

    fn push(&mut self, version: Version) {
        if self.versions.is_empty() {
            // Most keys have one version for most of their life; a vector would make room for four.
            self.versions.reserve_exact(1);
        }
        self.versions.push(version);
    }

    /// How many of the versions, counted from the oldest, nobody needs who reads at `compacted` or later, and watches from there on.
    pub fn obsolete(&self, compacted: i64) -> usize {
        // EXERCISE(raft/compaction): those before `compacted`, but for the one that the key still has at `compacted`.
        let before = (self.versions).partition_point(|version| version.modified.main < compacted);
        let (old, rest) = self.versions.split_at(before);
        let replaced = (rest.first()).is_some_and(|next| next.modified.main == compacted);
        match old.last() {
            Some(last) if last.value.is_some() && !replaced => before - 1,
            _ => before,
        }
    }

    /// Removes the first `count` versions.
    pub(super) fn forget(&mut self, count: usize) {
        self.versions.drain(..count);
        if self.versions.capacity() > 2 * self.versions.len() {
            self.versions.shrink_to_fit();
        }
    }
}
