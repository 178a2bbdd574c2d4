//! Lamport's clock: one number for each process, and from it one order of all events.
//!
//! A process counts its events. It puts the count on every message, and whoever receives one counts on from there if that is
//! later than its own. So an event that could have influenced another has the lower number (Lamport 1978, "Time, Clocks, and
//! the Ordering of Events in a Distributed System", the clock condition). Where two numbers are equal the process decides,
//! which makes it one order of everything that all agree on: who was first to ask for a lock, which write is the last.
//!
//! What it cannot tell: from the lower number nothing follows. The two events may be concurrent, and the order between
//! them an accident. [`VectorClock`](crate::vector_clock::VectorClock) can tell, and pays for it with one number a process.

use std::cmp::Ordering;
use std::fmt;

/// When an event happened, by Lamport's clock. Ordered first by time, then by process: Lamport's total order "⇒".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp<P> {
    /// The count that the event's process had come to.
    pub time: u64,
    /// The process whose event it is.
    pub process: P,
}

impl<P: Ord> Ord for Stamp<P> {
    /// The total order: it agrees with happened-before, everybody sees the same one, and of two different events one is
    /// first.
    fn cmp(&self, other: &Stamp<P>) -> Ordering {
        let _ = other;
        todo!(
            "clocks/lamport: the earlier time is first; where times are equal, the lower process."
        )
    }
}

impl<P: Ord> PartialOrd for Stamp<P> {
    fn partial_cmp(&self, other: &Stamp<P>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<P: fmt::Display> fmt::Display for Stamp<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.time, self.process)
    }
}

/// The clock of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LamportClock<P> {
    /// Whose clock it is. No other process has the same id: two would give out the same stamps.
    pub process: P,
    /// The time of its latest event; 0 before the first. A restarted process has to go on from where it was.
    pub time: u64,
}

impl<P: Clone> LamportClock<P> {
    /// The clock of a process that has done nothing yet.
    pub fn new(process: P) -> LamportClock<P> {
        LamportClock { process, time: 0 }
    }

    /// Something happens here: an event inside of the process, or the sending of a message, which then carries the stamp.
    /// Returns the event's stamp. The first one has the time 1.
    ///
    /// The time stays at `u64::MAX` once it is there. Counting does not get so far; a forged message can, and a system with
    /// strangers in it refuses such times as [`HybridClock`](crate::hlc::HybridClock) does.
    pub fn tick(&mut self) -> Stamp<P> {
        todo!("clocks/lamport: the next time, and the stamp of this event.")
    }

    /// A message arrives whose sending had the time `sent`. Returns the stamp of its arrival: the first time that is later than
    /// its sending and later than all that happened here. At `u64::MAX` it stays, as in [`LamportClock::tick`].
    pub fn observe(&mut self, sent: u64) -> Stamp<P> {
        let _ = sent;
        todo!("clocks/lamport: later than the sending, and later than everything here.")
    }
}
