//! Space-Saving: the keys that come most often in a stream, with few counters (Metwally, Agrawal, El Abbadi: *Efficient
//! Computation of Frequent and Top-k Elements in Data Streams*, ICDT 2005).
//!
//! To count every key of a stream takes as much memory as there are keys. With `k` counters, a key that has none takes over
//! the one with the lowest count, and goes on from there: so counts are too high and never too low, and each counter notes by
//! how much it may be too high. Of a stream of `N`, for every key:
//!
//! - `count − error ≤ true count ≤ count`, and `error ≤ N / k`;
//! - a key that comes more than `N / k` times has a counter.
//!
//! Summaries of several streams can be merged with the same bounds (Agarwal et al.: *Mergeable Summaries*, PODS 2012; Cafaro,
//! Pulimeno, Tempesta 2016), so each node keeps its own. The lowest counter is found in an ordered set, in O(log k); the paper's
//! stream-summary, a list of lists of counters with the same count, does it in O(1).

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

/// What is known of a key that has a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The key.
    pub key: Vec<u8>,
    /// It came at most so often.
    pub count: u64,
    /// And at least `count - error` times.
    pub error: u64,
}

/// The most frequent keys of a stream, in `capacity` counters.
#[derive(Clone, Debug)]
pub struct SpaceSaving {
    capacity: usize,
    total: u64,
    counters: Vec<Counter>,
    /// Where in `counters` each key is.
    by_key: BTreeMap<Vec<u8>, usize>,
    /// Count and place of every counter: the first one is the lowest.
    by_count: BTreeSet<(u64, usize)>,
}

impl SpaceSaving {
    /// A summary of nothing yet. An error of at most a thousandth of the stream takes a thousand counters.
    pub fn new(capacity: NonZeroUsize) -> SpaceSaving {
        SpaceSaving {
            capacity: capacity.get(),
            total: 0,
            counters: Vec::new(),
            by_key: BTreeMap::new(),
            by_count: BTreeSet::new(),
        }
    }

    /// A summary that was made elsewhere, from what [`SpaceSaving::top`] and [`SpaceSaving::total`] said there. Of counters of the same
    /// key the highest is taken, of more than the capacity the highest; no error is above its count.
    pub fn from_counters(
        capacity: NonZeroUsize,
        total: u64,
        mut counters: Vec<Counter>,
    ) -> SpaceSaving {
        for counter in &mut counters {
            counter.error = counter.error.min(counter.count);
        }
        counters.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        let mut seen = BTreeSet::new();
        counters.retain(|counter| seen.insert(counter.key.clone()));
        counters.truncate(capacity.get());
        let mut summary = SpaceSaving::new(capacity);
        summary.replace(capacity.get(), total, counters);
        summary
    }

    /// The length of the stream: how often any key came.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// No key that has no counter came more often than this.
    pub fn floor(&self) -> u64 {
        let full = self.counters.len() >= self.capacity;
        let lowest = self.by_count.first().filter(|_| full);
        lowest.map_or(0, |(count, _)| *count)
    }

    /// `key` came once more.
    ///
    /// A key that has a counter is counted there. One that has none gets one while there are fewer than the capacity, with no error.
    /// Then it takes over one with the lowest count: that key is forgotten, and the new one's count is the old count and one, since
    /// it may have come as often before; that much of it may be an error.
    pub fn offer(&mut self, key: &[u8]) {
        // EXERCISE(hash/space-saving): count the key, in its own counter or in one that it takes over.
        self.total = self.total.saturating_add(1);
        let lowest = self.by_count.first().copied();
        let slot = match (self.by_key.get(key), lowest) {
            (Some(slot), _) => *slot,
            (None, Some((count, slot))) if self.counters.len() >= self.capacity => {
                let counter = &mut self.counters[slot];
                self.by_key.remove(&counter.key);
                (counter.key, counter.error) = (key.to_vec(), count);
                self.by_key.insert(key.to_vec(), slot);
                slot
            }
            _ => self.insert(Counter {
                key: key.to_vec(),
                count: 0,
                error: 0,
            }),
        };
        let counter = &mut self.counters[slot];
        self.by_count.remove(&(counter.count, slot));
        counter.count = counter.count.saturating_add(1);
        self.by_count.insert((counter.count, slot));
    }

    /// What `other` has seen came too: as if this summary had seen both streams. The capacity is the smaller of the two.
    ///
    /// A key that has no counter in one of them may have come there as often as that one's [`SpaceSaving::floor`]. So that is added to
    /// its count and to its error. Of all these counters the highest are kept.
    pub fn merge(&mut self, other: &SpaceSaving) {
        // EXERCISE(hash/space-saving): add the counts and errors of both, and keep the highest.
        let (mine, theirs) = (self.floor(), other.floor());
        let mut merged = self.counters.clone();
        for counter in &mut merged {
            let (count, error) = match other.get(&counter.key) {
                Some(too) => (too.count, too.error),
                None => (theirs, theirs),
            };
            counter.count = counter.count.saturating_add(count);
            counter.error = counter.error.saturating_add(error);
        }
        let only_theirs = other.counters.iter().filter(|c| self.get(&c.key).is_none());
        merged.extend(only_theirs.map(|counter| Counter {
            key: counter.key.clone(),
            count: counter.count.saturating_add(mine),
            error: counter.error.saturating_add(mine),
        }));
        merged.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        let capacity = self.capacity.min(other.capacity);
        let total = self.total.saturating_add(other.total);
        merged.truncate(capacity);
        self.replace(capacity, total, merged);
    }

    /// What is known of a key: its counter, if it has one.
    pub fn get(&self, key: &[u8]) -> Option<&Counter> {
        Some(&self.counters[*self.by_key.get(key)?])
    }

    /// All counters, the highest first; among equal ones by key.
    pub fn top(&self) -> Vec<&Counter> {
        let mut top: Vec<&Counter> = self.counters.iter().collect();
        top.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        top
    }

    /// The keys that came at least `times` times, without any doubt.
    pub fn certain(&self, times: u64) -> Vec<&Counter> {
        let mut certain = self.top();
        certain.retain(|counter| counter.count - counter.error >= times);
        certain
    }

    /// Adds a counter of a key that has none, and says where it is.
    fn insert(&mut self, counter: Counter) -> usize {
        let slot = self.counters.len();
        self.by_key.insert(counter.key.clone(), slot);
        self.by_count.insert((counter.count, slot));
        self.counters.push(counter);
        slot
    }

    /// Begins anew with these counters.
    fn replace(&mut self, capacity: usize, total: u64, counters: Vec<Counter>) {
        (self.capacity, self.total) = (capacity, total);
        self.counters.clear();
        self.by_key.clear();
        self.by_count.clear();
        for counter in counters {
            self.insert(counter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_sent_as_its_counters() {
        let capacity = NonZeroUsize::new(3).unwrap();
        let mut summary = SpaceSaving::new(capacity);
        b"aaabbcdd".iter().for_each(|key| summary.offer(&[*key]));
        let sent: Vec<Counter> = summary.top().into_iter().cloned().collect();
        let come = SpaceSaving::from_counters(capacity, summary.total(), sent);
        assert_eq!((come.top(), come.total()), (summary.top(), 8));
        assert_eq!(come.floor(), summary.floor());
    }

    #[test]
    fn counters_that_make_no_sense_do_no_harm() {
        let counter = |key: &[u8], count, error| Counter {
            key: key.to_vec(),
            count,
            error,
        };
        let sent = vec![
            counter(b"a", 1, 9),
            counter(b"b", 7, 0),
            counter(b"b", 8, 0),
            counter(b"c", 0, 0),
        ];
        let mut come = SpaceSaving::from_counters(NonZeroUsize::new(2).unwrap(), 0, sent);
        assert_eq!(come.top(), [&counter(b"b", 8, 0), &counter(b"a", 1, 1)]);
        assert_eq!(come.certain(1).len(), 1);
        come.offer(b"c");
        assert_eq!(come.get(b"c"), Some(&counter(b"c", 2, 1)));
    }
}
