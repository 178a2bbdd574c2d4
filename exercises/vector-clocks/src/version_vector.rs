//! Version vectors: of one key, which writes somebody knows.
//!
//! In form a vector clock, but what it counts are *writes of one key*, at the replica that took them, and not everything that
//! ever happens (Parker et al. 1983, "Detection of Mutual Inconsistency in Distributed Systems"). Each stored value has one. If
//! the version of one value includes that of another, the other one was known when it was written and is overwritten; if neither
//! includes the other, two people wrote without knowing of each other, and the store has no right to choose: both stay, as
//! *siblings*. Dynamo calls this syntactic reconciliation (DeCandia et al. 2007, §4.4).
//!
//! Whose counts are they? With an id for each client they are exact, and grow with each client that ever wrote. With an id for
//! each replica they stay small, but two clients that write through the same replica cannot be told apart any more.
//! [`dotted`](crate::dotted) solves it; `tests/properties/by_example.rs` shows both going wrong.
//!
//! A key has few replicas, and there are many keys: a sorted map is all that it takes.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

/// One write: the `counter`th that this replica has taken for the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dot<R> {
    /// The replica that took it, and gave it its number.
    pub replica: R,
    /// Counted from 1.
    pub counter: u64,
}

/// Which writes of a key are known: of each replica those up to a count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionVector<R> {
    /// No count is 0.
    counts: BTreeMap<R, u64>,
}

impl<R: Ord> VersionVector<R> {
    /// Knows of no write.
    pub fn new() -> VersionVector<R> {
        VersionVector {
            counts: BTreeMap::new(),
        }
    }

    /// How many writes of this replica are known.
    pub fn get(&self, replica: &R) -> u64 {
        self.counts.get(replica).copied().unwrap_or(0)
    }

    /// Replicas and their counts, in the order of replicas; those without writes are not among them.
    pub fn iter(&self) -> impl Iterator<Item = (&R, u64)> {
        self.counts.iter().map(|(replica, count)| (replica, *count))
    }

    /// How many replicas it counts.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether it knows of no write.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Whether this write is among those known.
    pub fn contains(&self, dot: &Dot<R>) -> bool {
        dot.counter <= self.get(&dot.replica)
    }

    /// Whether every write that `other` knows is known here too. So a version includes itself, and two versions that do not
    /// include each other are concurrent. (Riak: `vclock:descends`.)
    pub fn includes(&self, other: &VersionVector<R>) -> bool {
        let _ = other;
        todo!("clocks/version-vector: everything that is known there is known here.")
    }
}

impl<R: Ord + Clone> VersionVector<R> {
    /// Knows this write now, and all earlier ones of its replica.
    pub fn insert(&mut self, dot: &Dot<R>) {
        if dot.counter > self.get(&dot.replica) {
            self.counts.insert(dot.replica.clone(), dot.counter);
        }
    }

    /// Knows what the other one knows.
    pub fn merge(&mut self, other: &VersionVector<R>) {
        for (replica, counter) in other.iter() {
            let replica = replica.clone();
            self.insert(&Dot { replica, counter });
        }
    }

    /// The dot of the next write that this replica takes, if all that it took before is known here. At `u64::MAX`, which is
    /// not reached by counting, it stays.
    pub fn next(&self, replica: &R) -> Dot<R> {
        Dot {
            replica: replica.clone(),
            counter: self.get(replica).saturating_add(1),
        }
    }
}

impl<R: Ord> Default for VersionVector<R> {
    fn default() -> VersionVector<R> {
        VersionVector::new()
    }
}

impl<R: Ord> PartialOrd for VersionVector<R> {
    /// Less is: overwritten by the other one. None: concurrent.
    fn partial_cmp(&self, other: &VersionVector<R>) -> Option<Ordering> {
        match (self.includes(other), other.includes(self)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Greater),
            (false, true) => Some(Ordering::Less),
            (false, false) => None,
        }
    }
}

impl<R: Ord + Clone> FromIterator<(R, u64)> for VersionVector<R> {
    /// In any order. Of a replica that comes twice the higher count is taken.
    fn from_iter<I: IntoIterator<Item = (R, u64)>>(counts: I) -> VersionVector<R> {
        let mut version = VersionVector::new();
        for (replica, counter) in counts {
            version.insert(&Dot { replica, counter });
        }
        version
    }
}

impl<R: fmt::Display> fmt::Display for VersionVector<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (replica, count)) in self.counts.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{replica}: {count}")?;
        }
        f.write_str("}")
    }
}

/// A value as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<R, V> {
    /// The writes that it includes: its own, and all that its writer had read.
    pub version: VersionVector<R>,
    /// What was written.
    pub value: V,
}

/// What is left of the values that replicas have answered with, or that one of them was sent: those that no other one
/// overwrites, in the order in which they came. Of several with the same version, which are copies of one write, the first.
pub fn reconcile<R: Ord + Clone, V: Clone>(values: &[Versioned<R, V>]) -> Vec<Versioned<R, V>> {
    let _ = values;
    todo!("clocks/version-vector: only what no other value overwrites, and of copies the first.")
}
