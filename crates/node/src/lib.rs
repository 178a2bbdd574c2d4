//! The contract between a node and the world that drives it.
//!
//! A distributed system is hard to test because its inputs — messages, time, disks, luck — arrive in
//! an order that nobody chose and nobody can repeat. Faultline turns that around: everything that a
//! node *decides* is ordinary synchronous code that is **given** its inputs, one [`Event`] at a time,
//! and **returns** what it wants done, as a list of [`Effect`]s. Whoever drives the node chooses the
//! order. In production that is a thin shell of sockets and threads; in a test it is the simulator
//! (`crates/sim`), which derives every choice from one seed and so can repeat it for ever.
//!
//! Reading order: [`Time`], [`Rng`] and [`Disk`] are the three things that a node may not take from
//! the operating system; [`Event`] and [`Effect`] are what goes in and comes out; [`Ctx`] carries them
//! through one step; [`Node`] is the trait itself.
//!
//! ```
//! use node::{Ctx, Effect, Event, MemDisk, Node, NodeId, Rng, Time};
//!
//! /// Answers every number with its successor.
//! struct Successor;
//!
//! impl Node for Successor {
//!     type Message = u64;
//!     type Timer = ();
//!
//!     fn step(&mut self, event: Event<u64, ()>, ctx: &mut Ctx<'_, Self>) {
//!         if let Event::Message { from, message } = event {
//!             ctx.send(from, message + 1);
//!         }
//!     }
//! }
//!
//! let (mut disk, mut rng) = (MemDisk::default(), Rng::new(7));
//! let mut ctx = Ctx::new(NodeId(1), Time::ZERO, &mut rng, &mut disk);
//! Successor.step(Event::Message { from: NodeId(2), message: 41 }, &mut ctx);
//! assert_eq!(ctx.into_effects(), vec![Effect::Send { to: NodeId(2), message: 42 }]);
//! ```
//!
//! Left out on purpose: threads inside a node, streams and back-pressure (a shell's business), and any
//! dependency — a core that builds on this crate builds on the standard library alone.

mod disk;
mod disk_faults;
mod file_disk;
mod mem_disk;
mod rng;
mod time;

use std::fmt::{self, Debug, Display};
use std::time::Duration;

pub use disk::{Disk, DiskError, DiskErrorKind};
pub use disk_faults::{DiskFault, DiskFaults, Failing};
pub use file_disk::FileDisk;
pub use mem_disk::MemDisk;
pub use rng::Rng;
pub use time::Time;

/// A node's address in the world that drives it. Stays the same when the node restarts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// What can happen to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<M, T> {
    /// The node has just come up, for the first time or after a crash. All that it remembers is what
    /// its [`Disk`] still holds.
    Start,
    /// A message arrived. The network may have delayed, reordered or duplicated it.
    Message {
        /// Who sent it.
        from: NodeId,
        /// What was sent.
        message: M,
    },
    /// A timer set earlier in this life of the node ran out.
    Timer(T),
}

/// What a node wants done. The world carries effects out in the order in which they were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<M, T> {
    /// Hand `message` to the network, which may lose it. It leaves only once every [`Effect::Sync`]
    /// asked for before it, in this step or an earlier one, is durable: nothing that a crash could
    /// still take back is ever revealed to anyone.
    Send {
        /// The receiver.
        to: NodeId,
        /// What to send.
        message: M,
    },
    /// Deliver [`Event::Timer`] after this long. Setting a timer that is already set moves it.
    SetTimer {
        /// Which timer.
        timer: T,
        /// From now.
        after: Duration,
    },
    /// Forget a timer; nothing happens if it is not set.
    CancelTimer {
        /// Which timer.
        timer: T,
    },
    /// Make everything written to the disk so far durable, taking the time that a disk takes. Later
    /// steps go on meanwhile; only sends wait.
    Sync,
}

/// What a node may use while it handles one event: the time, a random generator, its disk, and the
/// list of effects that it adds to.
pub struct Ctx<'a, N: Node + ?Sized> {
    id: NodeId,
    now: Time,
    /// The node's source of randomness.
    pub rng: &'a mut Rng,
    /// The node's disk.
    pub disk: &'a mut dyn Disk,
    effects: Vec<Effect<N::Message, N::Timer>>,
}

impl<'a, N: Node + ?Sized> Ctx<'a, N> {
    /// A context for one step of node `id` at time `now`.
    pub fn new(id: NodeId, now: Time, rng: &'a mut Rng, disk: &'a mut dyn Disk) -> Self {
        Ctx {
            id,
            now,
            rng,
            disk,
            effects: Vec::new(),
        }
    }

    /// The node that is being driven.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The time of this step; it does not move while the step runs.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Asks for [`Effect::Send`].
    pub fn send(&mut self, to: NodeId, message: N::Message) {
        self.effects.push(Effect::Send { to, message });
    }

    /// Asks for [`Effect::SetTimer`].
    pub fn set_timer(&mut self, timer: N::Timer, after: Duration) {
        self.effects.push(Effect::SetTimer { timer, after });
    }

    /// Asks for [`Effect::CancelTimer`].
    pub fn cancel_timer(&mut self, timer: N::Timer) {
        self.effects.push(Effect::CancelTimer { timer });
    }

    /// Asks for [`Effect::Sync`].
    pub fn sync(&mut self) {
        self.effects.push(Effect::Sync);
    }

    /// What the step asked for, in order.
    pub fn into_effects(self) -> Vec<Effect<N::Message, N::Timer>> {
        self.effects
    }
}

/// A process as the simulator sees it.
///
/// A system's core does not implement this trait: its methods have names of their own
/// (`create`, `heartbeat`, …). The trait is the adapter that turns messages into calls of them.
pub trait Node {
    /// What travels between nodes.
    type Message: Clone + Debug;
    /// Names of timers. At most one timer of each value is set at a time.
    type Timer: Clone + Debug + Ord;

    /// Handles one event. Must depend on nothing but `self`, `event` and `ctx`.
    fn step(&mut self, event: Event<Self::Message, Self::Timer>, ctx: &mut Ctx<'_, Self>);
}
