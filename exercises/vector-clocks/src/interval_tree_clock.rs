//! Interval tree clocks: causality where processes come and go, and nobody hands out process ids.
//!
//! A vector clock has an entry for every process that ever was. Where processes are short-lived (connections, phones, workers of
//! a pool) it only grows. An interval tree clock gives each process a share of the interval [0, 1) instead of a name. A process
//! that splits in two halves its share ([`Stamp::fork`]); one that ends gives it back ([`Stamp::join`]). What has been seen is a
//! function from the interval to counters, and an event raises it somewhere within the share of its process ([`Stamp::event`]).
//! Both are kept as trees, which shrink again when neighbours become equal: that is the *normal form*, and the point of it all.
//!
//! Almeida, Baquero, Fonte: *Interval Tree Clocks: A Logical Clock for Dynamic Systems*, OPODIS 2008. The functions below have
//! the names that section 5 of the paper gives them.
//!
//! ```
//! use vector_clocks::interval_tree_clock::Stamp;
//!
//! let (mut ada, mut bob) = Stamp::seed().fork();
//! ada.event().unwrap();
//! bob.event().unwrap();
//! assert!(!ada.leq(&bob) && !bob.leq(&ada)); // concurrent
//! let both = ada.join(&bob).unwrap();
//! assert!(ada.leq(&both) && bob.leq(&both));
//! assert_eq!(both.to_string(), "(1, 1)"); // the whole interval again, everywhere one event
//! ```

use std::cmp::Ordering;
use std::fmt::{self, Display};

/// Why a stamp cannot be what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// Both own a part of the interval: one is a copy of an ancestor of the other. Which of them should own it is not to be told.
    #[error(
        "two stamps own the same part of the interval: one of them is a copy, and was used after the fork or join that replaced it; give each process the stamp that came of it"
    )]
    Overlap,
    /// A stamp without a share (see [`Stamp::anonymous`]) can be compared and joined, but counts no events.
    #[error(
        "an anonymous stamp owns no part of the interval, so it can count no event; join it with the stamp of a process first"
    )]
    Anonymous,
}

/// A share of the interval: nothing, all of it, or what is told for the left and the right half.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Id {
    Zero,
    One,
    Halves(Box<(Id, Id)>),
}

/// Counters over the interval: the same everywhere, or a base to which those of the left and the right half are added.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    Leaf(u64),
    Halves(u64, Box<(Event, Event)>),
}

/// What a process knows (its events, and those that it has heard of) and what it owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    id: Id,
    event: Event,
}

impl Stamp {
    /// The first process: it owns everything, and nothing has happened.
    pub fn seed() -> Stamp {
        let (id, event) = (Id::One, Event::Leaf(0));
        Stamp { id, event }
    }

    /// Two processes where one was. Both know what it knew, and each owns a part of what it owned. The old stamp is not to be
    /// used any more.
    #[must_use = "the two replace the stamp that was forked"]
    pub fn fork(self) -> (Stamp, Stamp) {
        let (left, right) = self.id.split();
        let of = |id| Stamp {
            id,
            event: self.event.clone(),
        };
        (of(left), of(right))
    }

    /// What a message carries: all that is known, and no share. (The paper calls it *peek*.)
    pub fn anonymous(&self) -> Stamp {
        Stamp {
            id: Id::Zero,
            event: self.event.clone(),
        }
    }

    /// Something happens at this process. Whoever does not hear of it will never be equal to this stamp again.
    ///
    /// # Errors
    /// [`StampError::Anonymous`] if the stamp owns nothing.
    pub fn event(&mut self) -> Result<(), StampError> {
        // Filling makes the tree smaller or leaves it as it is. Only where nothing can be filled does it have to grow.
        let filled = self.event.fill(&self.id);
        self.event = if filled == self.event {
            let (grown, _) = self.event.grow(&self.id).ok_or(StampError::Anonymous)?;
            grown
        } else {
            filled
        };
        Ok(())
    }

    /// One process where two were, or one that hears a message ([`Stamp::anonymous`]): it knows what either knew, and owns what
    /// either owned. Neither of the two is to be used any more, save an anonymous one.
    ///
    /// # Errors
    /// [`StampError::Overlap`] if both own the same.
    pub fn join(&self, other: &Stamp) -> Result<Stamp, StampError> {
        Ok(Stamp {
            id: self.id.sum(&other.id).ok_or(StampError::Overlap)?,
            event: self.event.join(&other.event),
        })
    }

    /// Whether all that this stamp knows is known to `other`: it happened before, or they are equal.
    pub fn leq(&self, other: &Stamp) -> bool {
        self.event.leq(0, &other.event, 0)
    }

    /// How the two histories stand to each other; none if they are concurrent. Shares do not matter.
    pub fn causality(&self, other: &Stamp) -> Option<Ordering> {
        match (self.leq(other), other.leq(self)) {
            (true, true) => Some(Ordering::Equal),
            (true, false) => Some(Ordering::Less),
            (false, true) => Some(Ordering::Greater),
            (false, false) => None,
        }
    }

    /// How many nodes its two trees have: a measure of its size.
    pub fn size(&self) -> usize {
        self.id.size() + self.event.size()
    }
}

impl Id {
    /// From two halves, in normal form: two equal leaves are one.
    #[allow(dead_code, reason = "nobody calls it before the exercise is done")]
    fn halves(left: Id, right: Id) -> Id {
        match (left, right) {
            (Id::Zero, Id::Zero) => Id::Zero,
            (Id::One, Id::One) => Id::One,
            halves => Id::Halves(Box::new(halves)),
        }
    }

    /// Two shares that have nothing in common and are this one together. Neither is nothing, unless this one is; neither has more
    /// nodes than this one where this one owns parts of both halves: then one share is the left part, the other the right.
    fn split(&self) -> (Id, Id) {
        todo!(
            "clocks/interval-tree: all is halved; what is on one side is split there; of two parts each gets one."
        )
    }

    /// Both shares together, in normal form ([`Id::halves`] makes it); none if they have something in common.
    fn sum(&self, other: &Id) -> Option<Id> {
        let _ = other;
        todo!(
            "clocks/interval-tree: half by half; whoever owns all has something in common with everybody but nobody."
        )
    }

    fn size(&self) -> usize {
        match self {
            Id::Zero | Id::One => 1,
            Id::Halves(halves) => 1 + halves.0.size() + halves.1.size(),
        }
    }
}

/// What growing a leaf into a node costs: more than any path to a node that is there already.
const LEAF_COST: u64 = 1 << 32;

impl Event {
    /// From a base and two halves, in normal form: two equal leaves are one, and the smaller half is 0 at its least.
    fn halves(base: u64, left: Event, right: Event) -> Event {
        match (&left, &right) {
            (Event::Leaf(a), Event::Leaf(b)) if a == b => Event::Leaf(base + a),
            _ => {
                let least = left.min().min(right.min());
                let halves = (left.sunk(least), right.sunk(least));
                Event::Halves(base + least, Box::new(halves))
            }
        }
    }

    /// The base, and the halves above it; a leaf's are 0.
    fn parts(&self) -> (u64, &Event, &Event) {
        match self {
            Event::Leaf(n) => (*n, &Event::Leaf(0), &Event::Leaf(0)),
            Event::Halves(n, halves) => (*n, &halves.0, &halves.1),
        }
    }

    fn base(&self) -> u64 {
        self.parts().0
    }

    fn lifted(&self, by: u64) -> Event {
        match self {
            Event::Leaf(n) => Event::Leaf(n + by),
            Event::Halves(n, halves) => Event::Halves(n + by, halves.clone()),
        }
    }

    /// `by` is no more than the base.
    fn sunk(self, by: u64) -> Event {
        match self {
            Event::Leaf(n) => Event::Leaf(n - by),
            Event::Halves(n, halves) => Event::Halves(n - by, halves),
        }
    }

    /// The least counter. In normal form one half is 0 somewhere, so it is the base.
    fn min(&self) -> u64 {
        self.base()
    }

    fn max(&self) -> u64 {
        match self {
            Event::Leaf(n) => *n,
            Event::Halves(n, halves) => n + halves.0.max().max(halves.1.max()),
        }
    }

    /// Whether no counter is above that of `other` at the same place, after each has been raised by its `lift`: what the bases
    /// of the nodes above it come to. Both are in normal form, so that a tree's base is the least of its counters.
    fn leq(&self, lift: u64, other: &Event, other_lift: u64) -> bool {
        let _ = (lift, other, other_lift);
        todo!(
            "clocks/interval-tree: compare the bases; of a tree that has halves, compare these too."
        )
    }

    /// The greater counter at each place.
    fn join(&self, other: &Event) -> Event {
        if let (Event::Leaf(a), Event::Leaf(b)) = (self, other) {
            return Event::Leaf(*a.max(b));
        }
        if self.base() > other.base() {
            return other.join(self);
        }
        let ((base, left, right), (other_base, other_left, other_right)) =
            (self.parts(), other.parts());
        let by = other_base - base;
        Event::halves(
            base,
            left.join(&other_left.lifted(by)),
            right.join(&other_right.lifted(by)),
        )
    }

    /// Raises counters within `id` where that makes the tree simpler.
    fn fill(&self, id: &Id) -> Event {
        let (Id::Halves(ids), Event::Halves(base, events)) = (id, self) else {
            return match id {
                Id::One => Event::Leaf(self.max()),
                _ => self.clone(),
            };
        };
        let (left, right) = (&events.0, &events.1);
        match (&ids.0, &ids.1) {
            (Id::One, id) => {
                let right = right.fill(id);
                let left = left.max().max(right.min());
                Event::halves(*base, Event::Leaf(left), right)
            }
            (id, Id::One) => {
                let left = left.fill(id);
                let right = right.max().max(left.min());
                Event::halves(*base, left, Event::Leaf(right))
            }
            (a, b) => Event::halves(*base, left.fill(a), right.fill(b)),
        }
    }

    /// Adds one somewhere within `id`, where it makes the tree grow least, and says what it cost: a new node counts for more than
    /// any depth. None if `id` is nothing.
    fn grow(&self, id: &Id) -> Option<(Event, u64)> {
        let ids = match (id, self) {
            (Id::Zero, _) => return None,
            (Id::One, Event::Leaf(n)) => return Some((Event::Leaf(n + 1), 0)),
            // Filling makes a leaf of it, so it is not asked for.
            (Id::One, Event::Halves(..)) => return Some((Event::Leaf(self.max() + 1), 0)),
            (Id::Halves(ids), _) => ids,
        };
        let (base, left, right) = self.parts();
        let is_leaf = matches!(self, Event::Leaf(_));
        let more = 1 + if is_leaf { LEAF_COST } else { 0 };
        let node = |left: Event, right: Event| Event::Halves(base, Box::new((left, right)));
        let grown_left = left.grow(&ids.0);
        let grown_right = right.grow(&ids.1);
        match (grown_left, grown_right) {
            (Some((grown, cost)), other) if other.as_ref().is_none_or(|(_, c)| cost < *c) => {
                Some((node(grown, right.clone()), cost + more))
            }
            (_, Some((grown, cost))) => Some((node(left.clone(), grown), cost + more)),
            (_, None) => None,
        }
    }

    fn size(&self) -> usize {
        match self {
            Event::Leaf(_) => 1,
            Event::Halves(_, halves) => 1 + halves.0.size() + halves.1.size(),
        }
    }
}

impl Display for Stamp {
    /// As the paper writes it: `(1, 0)` is the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.id, self.event)
    }
}

impl Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Zero => f.write_str("0"),
            Id::One => f.write_str("1"),
            Id::Halves(halves) => write!(f, "({}, {})", halves.0, halves.1),
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Leaf(n) => write!(f, "{n}"),
            Event::Halves(n, halves) => write!(f, "({n}, {}, {})", halves.0, halves.1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_example_in_section_4_comes_out_as_it_is_drawn_there() {
        let (mut a, mut b) = Stamp::seed().fork();
        a.event().unwrap();
        b.event().unwrap();
        assert_eq!(a.to_string(), "((1, 0), (0, 1, 0))");
        assert_eq!(b.to_string(), "((0, 1), (0, 0, 1))");
        let (mut a, c) = a.fork();
        a.event().unwrap();
        b.event().unwrap();
        assert_eq!(a.to_string(), "(((1, 0), 0), (0, (1, 1, 0), 0))");
        let b = b.join(&c).unwrap();
        let (b, _) = b.fork();
        let mut joined = a.join(&b).unwrap();
        assert_eq!(joined.to_string(), "((1, 0), (1, (0, 1, 0), 1))");
        joined.event().unwrap();
        assert_eq!(joined.to_string(), "((1, 0), 2)");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let seed = Stamp::seed();
        assert_eq!(seed.join(&seed.clone()), Err(StampError::Overlap));
        let (a, b) = seed.clone().fork();
        assert_eq!(a.join(&seed), Err(StampError::Overlap));
        assert_eq!(a.join(&b).unwrap(), seed);
        assert_eq!(a.anonymous().event(), Err(StampError::Anonymous));
        assert_eq!(a.join(&seed.anonymous()).unwrap(), a);
    }
}
