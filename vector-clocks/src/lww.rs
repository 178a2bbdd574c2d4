//! Last writer wins: the simplest way to end a conflict, and what it costs.
//!
//! Every write has a stamp, the highest stamp wins, everywhere the same one: replicas converge, there are never siblings, and
//! nothing but the stamp is kept. Cassandra decides so for each column, by its clients' clocks; DynamoDB's global tables do
//! for each item. The price is in the name: of two concurrent writes one is lost, with nobody told. Where
//! stamps come from clocks that are wrong, even a write that *replaced* another can lose to it.
//!
//! It stands here beside [`dotted`](crate::dotted) to be compared: `tests/properties/by_example.rs` has the same two writers on both.

use crate::lamport::Stamp;

/// A register whose last writer wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LwwRegister<P, V> {
    latest: Option<(Stamp<P>, V)>,
}

impl<P: Ord + Clone, V: Clone> LwwRegister<P, V> {
    /// A register that was never written.
    pub fn new() -> LwwRegister<P, V> {
        LwwRegister { latest: None }
    }

    /// The value with the highest stamp.
    pub fn read(&self) -> Option<&V> {
        self.latest.as_ref().map(|(_, value)| value)
    }

    /// The stamp of that value.
    pub fn stamp(&self) -> Option<&Stamp<P>> {
        self.latest.as_ref().map(|(stamp, _)| stamp)
    }

    /// Takes the value if its stamp is higher than that of the present one. Returns whether it did; the caller may want to
    /// know that what it wrote is lost already. Two different values never have the same stamp.
    pub fn write(&mut self, stamp: Stamp<P>, value: V) -> bool {
        let wins = self.stamp().is_none_or(|latest| stamp > *latest);
        if wins {
            self.latest = Some((stamp, value));
        }
        wins
    }

    /// Another replica's state arrives: late, twice, in any order.
    pub fn merge(&mut self, other: &LwwRegister<P, V>) {
        if let Some((stamp, value)) = &other.latest {
            self.write(stamp.clone(), value.clone());
        }
    }
}

impl<P: Ord + Clone, V: Clone> Default for LwwRegister<P, V> {
    fn default() -> LwwRegister<P, V> {
        LwwRegister::new()
    }
}
