//! Causal broadcast: nobody sees an answer before the question.
//!
//! A process sends a message to all others. On its way it may be overtaken, by messages too that were sent by somebody who had already read
//! it. Each message therefore carries a vector that counts, for every process, the broadcasts that its sender had delivered before it,
//! and itself. A receiver holds a message back until it has delivered all of those. Concurrent messages are not held back for
//! each other: there, two receivers may deliver in different orders. Who needs one order for all takes [`crate::total_order`].
//!
//! Birman, Schiper, Stephenson: *Lightweight Causal and Atomic Group Multicast*, ACM TOCS 9(3), 1991, section 5.1 (the CBCAST of
//! ISIS). The vector is a [`VectorClock`] whose events are broadcasts alone: receiving counts for nothing. The same idea holds back
//! replicated operations in CRDT libraries, and in the "causal stability" of many databases.
//!
//! Left out on purpose: sending again what was lost. [`CausalBroadcast::missing`] says what to ask for, and the caller asks
//! (`tests/sim/causal.rs` does). The buffer has no bound: a real system limits how far a sender may be ahead.

use std::collections::BTreeMap;

use crate::vector_clock::VectorClock;

/// What is sent to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast<P: Ord, M> {
    /// Who sent it.
    pub sender: P,
    /// How many broadcasts of each process came before it, as far as its sender knew; of the sender itself this one counts too, so
    /// its entry is the number of this message among the sender's, from 1.
    pub stamp: VectorClock<P>,
    /// The message.
    pub payload: M,
}

impl<P: Ord + Clone, M> Broadcast<P, M> {
    /// Which of its sender's broadcasts this is, counted from 1.
    pub fn number(&self) -> u64 {
        self.stamp.get(&self.sender)
    }
}

/// The part of one process: `P` names processes, `M` is what they broadcast.
#[derive(Clone, Debug)]
pub struct CausalBroadcast<P: Ord, M> {
    /// Its own name.
    pub me: P,
    /// How many broadcasts of each process have been delivered here. Its own count as soon as they are sent.
    pub delivered: BTreeMap<P, u64>,
    /// What has come and has to wait, by sender and number.
    pub waiting: BTreeMap<(P, u64), Broadcast<P, M>>,
}

impl<P: Ord + Clone, M: Clone> CausalBroadcast<P, M> {
    /// A process that has delivered nothing.
    pub fn new(me: P) -> CausalBroadcast<P, M> {
        CausalBroadcast {
            me,
            delivered: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }

    /// The broadcast that is to be sent to everybody else. At its sender it counts as delivered.
    pub fn broadcast(&mut self, payload: M) -> Broadcast<P, M> {
        *self.delivered.entry(self.me.clone()).or_default() += 1;
        let counts = self.delivered.iter();
        Broadcast {
            sender: self.me.clone(),
            stamp: counts.map(|(p, count)| (p.clone(), *count)).collect(),
            payload,
        }
    }

    /// How many broadcasts of this process have been delivered here.
    pub fn count(&self, process: &P) -> u64 {
        self.delivered.get(process).copied().unwrap_or(0)
    }

    /// Whether a broadcast is the next of its sender, and everything that its sender had delivered before has been delivered here.
    pub fn is_next(&self, broadcast: &Broadcast<P, M>) -> bool {
        let _ = broadcast;
        todo!(
            "clocks/causal: the sender's entry is one more than what was delivered; no other is more."
        )
    }

    /// A broadcast has come. Returns what may be delivered now, in order: this one, if it is next, and whatever was waiting for it,
    /// for that, and so on. What has to wait is kept in `waiting`. A copy of what was delivered, or waits, is dropped.
    ///
    /// Whatever is returned counts as delivered.
    pub fn receive(&mut self, broadcast: Broadcast<P, M>) -> Vec<Broadcast<P, M>> {
        let _ = broadcast;
        todo!(
            "clocks/causal: drop copies; keep the message; deliver as long as something that waits is next."
        )
    }

    /// What those that wait are waiting for and has not come: of each process the first such broadcast, by its number. Who is asked
    /// for it should send that one and those after it.
    pub fn missing(&self) -> BTreeMap<P, u64> {
        todo!(
            "clocks/causal: of each process the first number that a waiting message needs and that is not here."
        )
    }
}
