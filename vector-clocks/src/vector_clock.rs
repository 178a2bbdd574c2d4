//! The vector clock: of each process the number of its events that are known here.
//!
//! A Lamport clock keeps one number and forgets whose events made it grow. A vector clock remembers, one count for each
//! process (Fidge 1988; Mattern 1989, "Virtual Time and Global States of Distributed Systems"). For that price the comparison
//! of two clocks says exactly whether one event could have influenced the other, or whether they were *concurrent*: neither
//! knew of the other. Nothing smaller than one number for each process can do it (Charron-Bost 1991).
//!
//! The counts stand in a list that is sorted by process, so that merging and comparing are one walk over both. Up to
//! [`INLINE`] of them are kept in the value itself: a clock of few processes allocates nothing. A process that is not listed
//! has the count 0, and none is listed with 0: equal clocks are equal lists, and nobody has to know who takes part.

use std::cmp::Ordering;
use std::fmt;

use smallvec::SmallVec;

/// So many processes are counted without an allocation.
pub const INLINE: usize = 8;

/// A vector clock over processes that are named by `P`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VectorClock<P> {
    /// Sorted by process, each once, no count 0.
    entries: SmallVec<[(P, u64); INLINE]>,
}

impl<P> VectorClock<P> {
    /// The clock of somebody who knows of no event.
    pub fn new() -> VectorClock<P> {
        VectorClock {
            entries: SmallVec::new(),
        }
    }

    /// Processes and their counts, in the order of processes; those without events are not among them.
    pub fn iter(&self) -> impl Iterator<Item = (&P, u64)> {
        self.entries
            .iter()
            .map(|(process, count)| (process, *count))
    }

    /// How many processes have events here.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it knows of no event.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether its counts stand in the value itself, so that nothing was allocated.
    pub fn is_inline(&self) -> bool {
        !self.entries.spilled()
    }
}

impl<P: Ord> VectorClock<P> {
    /// How many events of this process are known; 0 for a process that nobody has heard of.
    pub fn get(&self, process: &P) -> u64 {
        let found = self.entries.binary_search_by(|(p, _)| p.cmp(process));
        found.map_or(0, |at| self.entries[at].1)
    }

    /// How this clock relates to another one: `Less` where everything known here is known there and something more (so the
    /// event of this clock happened before that of the other one), `Greater` the other way round, `Equal` where the same is known.
    /// None where each knows something that the other one does not: the two are concurrent.
    ///
    /// [`PartialOrd`] is this, so that `a < b` reads "a happened before b". Beware: `!(a < b)` does not mean `a >= b`.
    pub fn compare(&self, other: &VectorClock<P>) -> Option<Ordering> {
        // EXERCISE(clocks/vector-clock): who knows something that the other one does not?
        let (mut mine, mut theirs) = (self.entries.as_slice(), other.entries.as_slice());
        let (mut less, mut greater) = (false, false);
        while !(less && greater) {
            match (mine, theirs) {
                ([], []) => break,
                ([], _) => {
                    less = true;
                    break;
                }
                (_, []) => {
                    greater = true;
                    break;
                }
                ([(p, m), my_rest @ ..], [(q, t), their_rest @ ..]) => match p.cmp(q) {
                    Ordering::Less => (greater, mine) = (true, my_rest),
                    Ordering::Greater => (less, theirs) = (true, their_rest),
                    Ordering::Equal => {
                        less |= m < t;
                        greater |= m > t;
                        (mine, theirs) = (my_rest, their_rest);
                    }
                },
            }
        }
        match (less, greater) {
            (false, false) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (true, true) => None,
        }
    }

    /// Whether each of the two knows something that the other one does not.
    pub fn is_concurrent(&self, other: &VectorClock<P>) -> bool {
        self.compare(other).is_none()
    }
}

impl<P: Ord + Clone> VectorClock<P> {
    /// One more event of this process: an inner one, or the sending of a message, which then carries the clock. Returns the
    /// process' new count. It stays at `u64::MAX` once it is there, which is not reached by counting.
    pub fn tick(&mut self, process: &P) -> u64 {
        // EXERCISE(clocks/vector-clock): one more event of this process, which may be its first.
        match self.entries.binary_search_by(|(p, _)| p.cmp(process)) {
            Ok(at) => {
                self.entries[at].1 = self.entries[at].1.saturating_add(1);
                self.entries[at].1
            }
            Err(at) => {
                self.entries.insert(at, (process.clone(), 1));
                1
            }
        }
    }

    /// Takes over what the other clock knows: of each process the higher count. It is the least clock that both are `<=` to.
    pub fn merge(&mut self, other: &VectorClock<P>) {
        // EXERCISE(clocks/vector-clock): of each process the higher count; the list stays sorted, each process once.
        let (known, mut at, mut new) = (self.entries.as_mut_slice(), 0, 0);
        for theirs in &other.entries {
            while known.get(at).is_some_and(|mine| mine.0 < theirs.0) {
                at += 1;
            }
            match known.get_mut(at) {
                Some(mine) if mine.0 == theirs.0 => mine.1 = mine.1.max(theirs.1),
                _ => new += 1,
            }
        }
        if new == 0 {
            return;
        }
        // Rare: a process is new once, and then known for ever. The list grows, and is filled from behind, so that nothing is
        // written over that is still needed. What both know has the higher count in `self` already.
        let (mut mine, mut theirs) = (self.entries.len(), other.entries.len());
        (self.entries).extend(other.entries[theirs - new..].iter().cloned());
        let mut to = self.entries.len();
        while mine < to {
            to -= 1;
            let last = &other.entries[theirs - 1];
            match mine
                .checked_sub(1)
                .map(|at| self.entries[at].0.cmp(&last.0))
            {
                None | Some(Ordering::Less) => {
                    theirs -= 1;
                    self.entries[to] = last.clone();
                }
                Some(order) => {
                    mine -= 1;
                    theirs -= usize::from(order == Ordering::Equal);
                    self.entries.swap(mine, to);
                }
            }
        }
    }

    /// What a process does when a message arrives that carries `sent`: it takes over what the sender knew, and counts the
    /// arrival as an event of its own. Returns its new count.
    pub fn observe(&mut self, process: &P, sent: &VectorClock<P>) -> u64 {
        self.merge(sent);
        self.tick(process)
    }
}

impl<P> Default for VectorClock<P> {
    fn default() -> VectorClock<P> {
        VectorClock::new()
    }
}

impl<P: Ord> PartialOrd for VectorClock<P> {
    fn partial_cmp(&self, other: &VectorClock<P>) -> Option<Ordering> {
        self.compare(other)
    }
}

impl<P: Ord> FromIterator<(P, u64)> for VectorClock<P> {
    /// In any order. Of a process that comes twice the higher count is taken.
    fn from_iter<I: IntoIterator<Item = (P, u64)>>(counts: I) -> VectorClock<P> {
        let counts = counts.into_iter();
        let mut entries = SmallVec::<[(P, u64); INLINE]>::with_capacity(counts.size_hint().0);
        entries.extend(counts.filter(|entry| entry.1 > 0));
        // The higher count first, since that is the one of two that `dedup` keeps.
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        entries.dedup_by(|next, kept| next.0 == kept.0);
        VectorClock { entries }
    }
}

impl<P: fmt::Display> fmt::Display for VectorClock<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (process, count)) in self.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{process}: {count}")?;
        }
        f.write_str("}")
    }
}

impl<P: fmt::Debug> fmt::Debug for VectorClock<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
