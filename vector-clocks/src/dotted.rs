//! Siblings with dots: all the values of a key that nobody has overwritten yet, and no others.
//!
//! A store that takes writes on both sides of a partition must keep both of two concurrent writes, and must forget what
//! somebody has read and replaced. A version vector with an entry for each replica cannot do it: two clients read the same
//! value, both write through replica `a`, and `{a: 2}` and `{a: 3}` look as if the second had known the first. The cure
//! is to name each write itself, by its *dot* `(a, 3)`, apart from what its writer had read, the *context* `{a: 1}` (Preguiça, Baquero,
//! Almeida, Fonte & Gonçalves 2010, "Dotted Version Vectors: Logical Clocks for Optimistic Replication"). Then `a` has two
//! siblings, since the context of neither contains the other's dot.
//!
//! What is kept for a key is the compact form of the same authors (Almeida et al. 2014, "Scalable and Accurate Causality Tracking
//! for Eventually Consistent Stores"; Riak keeps its own of the idea since 2.0): *one* version vector of all
//! writes ever seen, and the living values by their dots. A dot that was seen and has no value is overwritten. So no
//! tombstone is needed to keep an old value from coming back, and the number of counts is that of replicas, however
//! many clients and writes there are.
//!
//! It all hangs on the client's manners: who writes hands back the context of what he has read.

use std::collections::BTreeMap;

use crate::version_vector::{Dot, VersionVector};

/// What one replica knows of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Siblings<R, V> {
    /// All writes that were ever seen, those that are overwritten too. Contains the dot of every value.
    pub seen: VersionVector<R>,
    /// The values that no write seen has overwritten, by the dot of the write that brought each.
    pub values: BTreeMap<Dot<R>, V>,
}

impl<R: Ord + Clone, V: Clone> Siblings<R, V> {
    /// A key that was never written.
    pub fn new() -> Siblings<R, V> {
        Siblings {
            seen: VersionVector::new(),
            values: BTreeMap::new(),
        }
    }

    /// All values, and the context to hand back with the write that replaces them.
    pub fn read(&self) -> (Vec<V>, VersionVector<R>) {
        (self.values.values().cloned().collect(), self.seen.clone())
    }

    /// A client writes through this `replica`, having read `context` (empty, if it has read nothing). The values that it had
    /// read are replaced, the others stay beside the new one. Returns the dot of the write, which no other write has.
    ///
    /// `context` may contain writes that this replica has not seen: the client may have read elsewhere. They count as seen from
    /// now on, since the new value replaces them.
    pub fn write(&mut self, replica: &R, context: &VersionVector<R>, value: V) -> Dot<R> {
        // EXERCISE(clocks/siblings): replace what the client has read, and keep the value under a new dot.
        self.delete(context);
        let dot = self.seen.next(replica);
        self.seen.insert(&dot);
        self.values.insert(dot.clone(), value);
        dot
    }

    /// A client deletes what it had read; a concurrent write stays. It leaves nothing but the counts in `seen`.
    pub fn delete(&mut self, context: &VersionVector<R>) {
        // EXERCISE(clocks/siblings): the values whose dots are in the context go; the context counts as seen.
        self.values.retain(|dot, _| !context.contains(dot));
        self.seen.merge(context);
    }

    /// Another replica's state of this key arrives: late, twice, in any order. Afterwards both sides' writes are seen, and a value is
    /// left if no write that either of them saw has overwritten it.
    pub fn merge(&mut self, other: &Siblings<R, V>) {
        // EXERCISE(clocks/siblings): a value stays if both have it, or if the other side has never seen it.
        let seen = &self.seen;
        self.values
            .retain(|dot, _| other.values.contains_key(dot) || !other.seen.contains(dot));
        for (dot, value) in &other.values {
            if !seen.contains(dot) {
                self.values.insert(dot.clone(), value.clone());
            }
        }
        self.seen.merge(&other.seen);
    }
}

impl<R: Ord + Clone, V: Clone> Default for Siblings<R, V> {
    fn default() -> Siblings<R, V> {
        Siblings::new()
    }
}
