//! Compaction, first step (`OffsetMap`, `buildOffsetMap`): the last offset of each key.

use std::collections::BTreeMap;

/// The last offset at which each key stands, in a part of the log.
///
/// Kafka keeps a hash of each key in a fixed piece of memory. Here are the keys themselves, and a limit on their bytes: when it
/// is reached, compaction goes up to there, and on from there the next time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetMap {
    latest: BTreeMap<Vec<u8>, i64>,
    bytes: usize,
}

/// What an entry takes beside its key, about.
pub const ENTRY_BYTES: usize = 48;

impl OffsetMap {
    /// Notes that `key` stands at `offset`. Offsets come in ascending order.
    pub fn note(&mut self, key: &[u8], offset: i64) {
        // EXERCISE(kafka/offset-map): the last one counts.
        if let Some(latest) = self.latest.get_mut(key) {
            *latest = offset;
        } else {
            self.bytes += key.len() + ENTRY_BYTES;
            self.latest.insert(key.to_vec(), offset);
        }
    }

    /// Whether a later record in the mapped part has the same key as this one, which may stand before that part: then this one is
    /// obsolete.
    pub fn is_obsolete(&self, key: &[u8], offset: i64) -> bool {
        // EXERCISE(kafka/offset-map): what of a key that is not there, and of the last record itself?
        self.latest.get(key).is_some_and(|latest| offset < *latest)
    }

    /// Bytes of memory that it takes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.latest.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }
}
