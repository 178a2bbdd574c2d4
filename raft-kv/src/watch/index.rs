//! Which watchers a key is of interest to.
//!
//! etcd has an interval tree. Nearly all watchers watch one key or all keys with a prefix, and both are look-ups in a map: of
//! the key, and of its beginnings, in the few lengths that prefixes have. What is neither is compared one by one.

use std::collections::{BTreeMap, BTreeSet};

use super::Watching;
use crate::store::{Bytes, KeyRange};

type Watchers = BTreeSet<Watching>;

/// Watchers by what they watch.
#[derive(Debug, Default)]
pub(super) struct Index {
    single: BTreeMap<Bytes, Watchers>,
    prefix: BTreeMap<Bytes, Watchers>,
    /// How many prefixes there are of each length.
    lengths: BTreeMap<usize, usize>,
    other: BTreeMap<KeyRange, Watchers>,
}

impl Index {
    pub(super) fn insert(&mut self, range: &KeyRange, id: Watching) {
        if range.is_single() {
            self.single.entry(range.key.clone()).or_default().insert(id);
        } else if let Some(prefix) = range.as_prefix() {
            let watchers = self.prefix.entry(prefix.clone()).or_default();
            if watchers.is_empty() {
                *self.lengths.entry(prefix.len()).or_default() += 1;
            }
            watchers.insert(id);
        } else {
            self.other.entry(range.clone()).or_default().insert(id);
        }
    }

    /// Nothing where it is not there.
    pub(super) fn remove(&mut self, range: &KeyRange, id: Watching) {
        if range.is_single() {
            remove(&mut self.single, &range.key, id);
        } else if let Some(prefix) = range.as_prefix() {
            if remove(&mut self.prefix, prefix, id)
                && let Some(count) = self.lengths.get_mut(&prefix.len())
            {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&prefix.len());
                }
            }
        } else {
            remove(&mut self.other, range, id);
        }
    }

    /// All watchers of a key, each once.
    pub(super) fn watching<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = &'a Watching> {
        let prefixes = self.lengths.range(..=key.len());
        let by_prefix = prefixes.filter_map(|(length, _)| self.prefix.get(&key[..*length]));
        let by_range = self.other.iter().filter(|(range, _)| range.contains(key));
        (self.single.get(key).into_iter())
            .chain(by_prefix)
            .chain(by_range.map(|(_, watchers)| watchers))
            .flatten()
    }
}

/// Whether `id` was the last of its key.
fn remove<K: Ord>(map: &mut BTreeMap<K, Watchers>, key: &K, id: Watching) -> bool {
    let Some(watchers) = map.get_mut(key) else {
        return false;
    };
    watchers.remove(&id);
    let last = watchers.is_empty();
    if last {
        map.remove(key);
    }
    last
}
