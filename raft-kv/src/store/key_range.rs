//! Which keys a request is about: etcd's pair of `key` and `range_end`.

use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;

/// A single key, an interval, or all from a key on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyRange {
    /// The first key.
    pub key: Bytes,
    /// The key behind the last. Empty: `key` alone. A zero byte: no end. An end that is not behind `key`: nothing.
    pub end: Bytes,
}

impl KeyRange {
    /// One key.
    pub fn single(key: impl Into<Bytes>) -> KeyRange {
        KeyRange {
            key: key.into(),
            end: Bytes::default(),
        }
    }

    /// From `key` to before `end`.
    pub fn new(key: impl Into<Bytes>, end: impl Into<Bytes>) -> KeyRange {
        KeyRange {
            key: key.into(),
            end: end.into(),
        }
    }

    /// All keys that begin with `prefix`; with an empty one, all.
    pub fn prefix(prefix: impl Into<Bytes>) -> KeyRange {
        let prefix: Bytes = prefix.into();
        if prefix.is_empty() {
            return KeyRange::new([0].as_slice(), [0].as_slice());
        }
        let end = behind_prefix(&prefix);
        KeyRange { key: prefix, end }
    }

    /// Whether it names one key.
    pub fn is_single(&self) -> bool {
        self.end.is_empty()
    }

    /// Whether it has no end.
    pub fn is_endless(&self) -> bool {
        *self.end == [0]
    }

    /// Whether no key can be in it.
    pub fn is_empty(&self) -> bool {
        !self.is_single() && !self.is_endless() && self.end <= self.key
    }

    /// Whether `key` is in it.
    pub fn contains(&self, key: &[u8]) -> bool {
        if self.is_single() {
            return key == &*self.key;
        }
        key >= &*self.key && (self.is_endless() || key < &*self.end)
    }

    /// The prefix of which this holds all keys, if it is such a range.
    pub fn as_prefix(&self) -> Option<&Bytes> {
        (!self.is_single() && self.end == behind_prefix(&self.key)).then_some(&self.key)
    }

    /// Bounds for a `BTreeMap`, which panics where the end is before the start: then these hold nothing.
    pub(super) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let start: &[u8] = &self.key;
        let end = if self.is_single() {
            Bound::Included(start)
        } else if self.is_endless() {
            Bound::Unbounded
        } else if self.is_empty() {
            Bound::Excluded(start)
        } else {
            Bound::Excluded(&*self.end)
        };
        (Bound::Included(start), end)
    }
}

/// The first key behind all that begin with `prefix`: its last byte that can be raised is; without one there is no end.
fn behind_prefix(prefix: &[u8]) -> Bytes {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end.into();
        }
    }
    [0].as_slice().into()
}
