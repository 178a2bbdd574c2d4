//! The capstone: a lock service of your own, from an empty file ([`locks`]).
//!
//! Clients open sessions, and acquire locks by name. Who holds a lock gets a **token** with it, which he shows to whatever the lock protects; that
//! refuses a token lower than one that it has seen (Kleppmann, "How to do distributed locking"; Burrows, "The Chubby lock service",
//! OSDI 2006, section 2.4, where it is a sequencer). A session that is not heard of for its TTL is over, with all its locks.
//!
//! You write one member: a state machine to which the log of a cluster is applied, and the clock that counts while this member
//! leads. Consensus is done for you: all members apply the same commands in the same order.
//!
//! # What you may count on
//!
//! - Indexes of the log begin at 1. A member gets every command, in order. After a restart it is made anew, restored from a snapshot that some member made, and
//!   then gets the log again from anywhere *before* the end of that snapshot on: it may see commands that are in it already.
//! - Session ids are not used twice. A client says `Open` once.
//! - Only the calls that [`LockService`] lists under "the leader's clock" know a time. It never runs backwards on one member; clocks of two members have nothing to do
//!   with each other.
//! - A member is told to lead after it has applied everything that earlier leaders have proposed.
//!
//! # The rules
//!
//! 1. A lock has one holder: it is granted to nobody else before its holder has released it or is over.
//! 2. Each grant of a lock has a higher token than all grants of this lock before it, whatever happened between.
//! 3. Who waits for a lock gets it in the order in which they asked. Asking again while waiting changes nothing; the holder who asks
//!    again is answered with the token that he has.
//! 4. A lock for which somebody waits is granted at once when it is free: by the same command that freed it.
//! 5. A session that is over holds nothing, waits for nothing, and is granted nothing. What it asks for is answered `Unknown`.
//! 6. A command with an index that was applied before does nothing, and is answered with nothing.
//! 7. All members that have applied the same commands give the same answers from then on, those restored from a snapshot too.
//! 8. No session is named as expired before it has been silent for its TTL: since its `Open` was applied, since it was last heard of, and since this
//!    member began to lead.
//! 9. A leader names each session that has been silent for so long, again and again until its `Expire` is applied; and no other. A member that does not
//!    lead names none, and hears nobody.

use std::time::Duration;

use node::Time;

pub mod locks;

/// A client's session.
pub type SessionId = u64;

/// What stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A session begins.
    Open {
        /// Whose.
        session: SessionId,
        /// How long it lasts when nothing is heard of it.
        ttl: Duration,
    },
    /// A session wants a lock, and waits until it has it.
    Acquire {
        /// Who.
        session: SessionId,
        /// What.
        lock: String,
    },
    /// A session gives a lock back, or waits for it no longer.
    Release {
        /// Who.
        session: SessionId,
        /// What.
        lock: String,
    },
    /// A session is over: the leader found it silent.
    Expire {
        /// Whose.
        session: SessionId,
    },
}

/// What is said to a session.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It holds the lock.
    Granted {
        /// Who.
        session: SessionId,
        /// What.
        lock: String,
        /// Higher than those of all earlier grants of this lock.
        token: u64,
    },
    /// Another one holds the lock; it waits.
    Waiting {
        /// Who.
        session: SessionId,
        /// What.
        lock: String,
    },
    /// It holds the lock no longer, nor waits for it; also where it did neither.
    Released {
        /// Who.
        session: SessionId,
        /// What.
        lock: String,
    },
    /// There is no such session.
    Unknown {
        /// Who asked.
        session: SessionId,
    },
}

// ANCHOR: trait
/// What you write; [`locks::lock_service`] returns it.
pub trait LockService {
    /// Applies a command of the log: an answer to who asked (`Open` and `Expire` have none), and a `Granted` to each whose waiting is over by it.
    fn apply(&mut self, index: u64, command: &Command) -> Vec<Answer>;

    /// All that a member needs to go on from here, the index included.
    fn snapshot(&self) -> Vec<u8>;

    /// Makes a new member what a snapshot says.
    fn restore(&mut self, snapshot: &[u8]);

    // The leader's clock:

    /// This member leads from now on.
    fn lead(&mut self, now: Time);

    /// This member leads no longer.
    fn follow(&mut self);

    /// The time, before a command is applied, while this member leads.
    fn tick(&mut self, now: Time);

    /// A session was heard of. Whether it is there, and this member leads.
    fn heard_of(&mut self, session: SessionId, now: Time) -> bool;

    /// The sessions that have been silent for their TTL, for the shell to propose their `Expire`.
    fn expired(&mut self, now: Time) -> Vec<SessionId>;
}
// ANCHOR_END: trait
