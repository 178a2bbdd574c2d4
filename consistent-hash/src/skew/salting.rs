//! Salting: a key that is too hot for one node is cut into sub-keys that a partitioner places apart.
//!
//! Writes of a hot key are spread over `n` sub-keys, by the record; a read asks for all of them and puts the answers together
//! (scatter and gather). So writes become cheaper by `n` and reads dearer by `n`: it is for keys that are written more than read. DynamoDB's
//! guide calls it *write sharding*, HBase's *salted row keys*.
//!
//! Nothing else about the data changes, so three things have to hold:
//!
//! - A sub-key is no other key's: every key is stored with a salt behind it, 0 for those that are not hot.
//! - A record that is written again goes to the sub-key where it is, or there would be two of it.
//! - What was written under another `n` is still found. So reads ask for as many sub-keys as there ever were, until somebody
//!   has moved the records ([`Salting::settle`]).

use std::collections::BTreeMap;

use crate::hash;

/// What a store holds under a sub-key: records in ascending order of `id`, none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is known by among the records of its key.
    pub id: u64,
    /// Grows with every change of the record.
    pub version: u64,
    /// Its content.
    pub value: Vec<u8>,
}

/// Over how many sub-keys a hot key is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spread {
    /// Records are written to so many.
    writes: u16,
    /// Records may be in so many: never fewer than `writes`.
    reads: u16,
}

/// Which keys are salted, and how far. Every client has to know the same.
#[derive(Clone, Debug, Default)]
pub struct Salting {
    hot: BTreeMap<Vec<u8>, Spread>,
}

/// The key under which sub-key number `salt` of `key` is stored: the salt stands behind it, in two bytes.
pub fn sub_key(key: &[u8], salt: u16) -> Vec<u8> {
    [key, &salt.to_be_bytes()].concat()
}

/// A number that depends on nothing but the record's id, and on all of its bits.
pub fn hash_of_record(id: u64) -> u64 {
    // "salt"
    hash::mix(id, 0x7361_6c74)
}

impl Salting {
    /// From now on records of `key` are written to `n` sub-keys; 0 counts as 1.
    pub fn spread(&mut self, key: &[u8], n: u16) {
        let (writes, reads) = (n.max(1), self.reads(key).max(n));
        self.hot.insert(key.to_vec(), Spread { writes, reads });
    }

    /// All records of `key` are where [`Salting::write_key`] says: there is nothing left to be found elsewhere.
    pub fn settle(&mut self, key: &[u8]) {
        let writes = self.writes(key);
        self.hot.remove(key);
        if writes > 1 {
            self.spread(key, writes);
        }
    }

    /// To how many sub-keys records of `key` are written: 1 if it is not hot.
    pub fn writes(&self, key: &[u8]) -> u16 {
        self.hot.get(key).map_or(1, |spread| spread.writes)
    }

    /// In how many sub-keys records of `key` may be.
    pub fn reads(&self, key: &[u8]) -> u16 {
        self.hot.get(key).map_or(1, |spread| spread.reads)
    }

    /// The sub-key to which a record of `key` is written. It depends on the record's id alone as long as nobody calls
    /// [`Salting::spread`], and whatever the ids are like, each sub-key gets about as many of them as any other.
    pub fn write_key(&self, key: &[u8], record: u64) -> Vec<u8> {
        // EXERCISE(hash/salting): choose one of the sub-keys by the record's id.
        let salt = hash_of_record(record) % u64::from(self.writes(key));
        sub_key(key, u16::try_from(salt).unwrap_or(0))
    }

    /// The sub-keys in which records of `key` may be: what a read has to ask for.
    pub fn read_keys(&self, key: &[u8]) -> Vec<Vec<u8>> {
        // EXERCISE(hash/salting): name all sub-keys in which a record may be.
        (0..self.reads(key))
            .map(|salt| sub_key(key, salt))
            .collect()
    }
}

/// The records of a key from those of its sub-keys: in ascending order of `id`, each once. One that stands in several
/// sub-keys, since it was written under different numbers of them, is there in its highest version.
pub fn gather(parts: &[Vec<Record>]) -> Vec<Record> {
    // EXERCISE(hash/salting): merge the sorted lists into one, and of each record keep the newest.
    let mut all: Vec<&Record> = parts.iter().flatten().collect();
    all.sort_by_key(|record| (record.id, std::cmp::Reverse(record.version)));
    all.dedup_by_key(|record| record.id);
    all.into_iter().cloned().collect()
}
