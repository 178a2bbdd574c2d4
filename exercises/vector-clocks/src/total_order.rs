//! Total-order broadcast on Lamport clocks: everybody delivers the same messages in the same order.
//!
//! Two replicas that apply the same commands in the same order stay the same, whatever the commands are. Causal order is not enough
//! for that: of two concurrent messages each replica may take another one first. Lamport's time with the process's name behind it
//! is an order of all messages that nobody has to agree upon. What is left is to know when it is safe to go on: the first message of
//! the queue may be delivered once something later has been heard *from everybody*, since channels keep their order and clocks only
//! go up: nothing earlier can still come. So that everybody is heard, every message is acknowledged to all.
//!
//! Lamport: *Time, Clocks, and the Ordering of Events in a Distributed System*, CACM 21(7), 1978 (the queue of its mutual exclusion);
//! Attiya, Welch: *Distributed Computing*, 2nd edition, section 8.2 (the broadcast, algorithm 21).
//!
//! The group is fixed, and the channels lose nothing and keep their order. What it cannot do: go on while one process is silent. A
//! process that is dead, cut off or slow stops the deliveries of all, and [`TotalOrder::waits_for`] names it. To go on
//! without it the others would have to agree on who still belongs to the group, and that is consensus (Chandra, Toueg 1996: total-order
//! broadcast and consensus are the same problem). Raft and ZooKeeper's Zab do so, and need a majority instead of everybody.

use std::collections::BTreeMap;

/// The place of a message in the order of all: Lamport's time, and the sender, which tells two of the same time apart. It is what
/// [`crate::lamport::Stamp`] is, with the order derived, so that this exercise needs no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<P> {
    /// When it was sent, by the sender's Lamport clock.
    pub time: u64,
    /// Who sent it.
    pub sender: P,
}

/// What travels: to everybody else in the group, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<P, M> {
    /// A message that is to be delivered.
    Message {
        /// Where in the order it belongs; its sender is who sent it.
        place: Place<P>,
        /// What is to be delivered.
        payload: M,
    },
    /// "I have come to this time": nothing earlier will come from the sender.
    Ack {
        /// The sender's Lamport clock.
        time: u64,
    },
}

/// One member of the group: `P` names processes, `M` is what they broadcast.
#[derive(Clone, Debug)]
pub struct TotalOrder<P, M> {
    /// Its own name.
    pub me: P,
    /// Its Lamport clock: the time of the latest event here.
    pub time: u64,
    /// The latest time that has been heard from each *other* member; 0 before the first.
    pub heard: BTreeMap<P, u64>,
    /// What has been broadcast and not delivered yet, its own messages too.
    pub queue: BTreeMap<Place<P>, M>,
}

impl<P: Ord + Clone, M: Clone> TotalOrder<P, M> {
    /// Member `me` of the group `members`, whether that names `me` or not. All members begin with the same group.
    pub fn new(me: P, members: impl IntoIterator<Item = P>) -> TotalOrder<P, M> {
        let others = members.into_iter().filter(|member| *member != me);
        let heard = others.map(|other| (other, 0)).collect();
        TotalOrder {
            me,
            time: 0,
            heard,
            queue: BTreeMap::new(),
        }
    }

    /// Broadcasts `payload`: the packet that is to be sent to everybody else. It takes its place in this member's own queue, and is
    /// delivered here when its turn comes, not before.
    pub fn broadcast(&mut self, payload: M) -> Packet<P, M> {
        self.time = self.time.saturating_add(1);
        let place = Place {
            time: self.time,
            sender: self.me.clone(),
        };
        self.queue.insert(place.clone(), payload.clone());
        Packet::Message { place, payload }
    }

    /// A packet has come from `from`. Returns the acknowledgement that is to be sent to everybody else, if one is due: for a message,
    /// not for another acknowledgement.
    ///
    /// The clock follows Lamport's rule: a packet that is received is an event of its own, later than its sending and than all that
    /// happened here. (The acknowledgement is sent at that time.) A packet from somebody who does not belong to the group is
    /// ignored, and so is one whose time is not later than what was heard from its sender: on a channel that keeps its order that
    /// is a copy.
    pub fn receive(&mut self, from: &P, packet: Packet<P, M>) -> Option<Packet<P, M>> {
        let _ = (from, packet);
        todo!("clocks/total-order: move the clock and `heard` on, queue a message, acknowledge it.")
    }

    /// Takes what may be delivered now from the queue, in order: each message before which nothing can come any more.
    ///
    /// That is so when every other member has been heard at the message's time or later. A member that was heard at time 5 may still
    /// send something at 6, never at 5 again. What this member itself will send comes later in any case.
    pub fn deliver(&mut self) -> Vec<(Place<P>, M)> {
        todo!(
            "clocks/total-order: the first of the queue, as long as everybody has been heard beyond it."
        )
    }

    /// Who has to be heard before the next message can be delivered; nobody if the queue is empty.
    pub fn waits_for(&self) -> Vec<P> {
        let Some(first) = self.queue.keys().next() else {
            return Vec::new();
        };
        let silent = (self.heard.iter()).filter(|(_, heard)| **heard < first.time);
        silent.map(|(other, _)| other.clone()).collect()
    }
}
