//! Read a replay and mend what it shows: a room for one, with a door that lets the next one in when somebody leaves.
//!
//! Guests come again and again; each visit has a number. On a bad network a guest repeats what it says until it is
//! answered, so messages come twice, and some come late. The door as it was first written was wrong: with one seed in a few
//! there were two in the room. `replays/two-in-the-room.jsonl` is what happened then, line by line.
//!
//! A lock service (ZooKeeper, etcd, HDFS's leases) is such a door, and this is why each grant of theirs has a number.

use std::collections::BTreeMap;
use std::time::Duration;

use node::{Ctx, Event, Node, NodeId};

/// Where the door is.
pub const DOOR: NodeId = NodeId(0);

/// How long a guest waits before it says again what was not answered.
const REPEAT_AFTER: Duration = Duration::from_millis(40);

/// The longest visit, in microseconds.
const VISIT_US_MAX: u64 = 60_000;

/// What travels between them. Each names the visit that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// To the door: may I come in?
    Enter {
        /// Counts this guest's visits from 1.
        visit: u64,
    },
    /// To the guest: come in.
    Welcome {
        /// For which visit.
        visit: u64,
    },
    /// To the door: I am outside.
    Leave {
        /// After which visit.
        visit: u64,
    },
    /// To the guest: I have heard that.
    Bye {
        /// After which visit.
        visit: u64,
    },
}

/// The door: it knows who is inside.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// Who has been let in and has not left: which guest, on which visit.
    pub inside: Option<(NodeId, u64)>,
    /// The latest visit for which each guest was let in.
    pub latest: BTreeMap<NodeId, u64>,
}

impl Door {
    /// A guest wants to come in. Whether it may; if not, it will ask again.
    pub fn enter(&mut self, guest: NodeId, visit: u64) -> bool {
        let asks_again = self.inside == Some((guest, visit));
        let is_late = self.latest.get(&guest).is_some_and(|last| visit <= *last);
        if asks_again || is_late || self.inside.is_some() {
            return asks_again;
        }
        self.latest.insert(guest, visit);
        self.inside = Some((guest, visit));
        true
    }

    /// A guest says that it has left.
    ///
    /// This was first written so:
    ///
    /// ```text
    /// if let Some((inside, _)) = self.inside
    ///     && inside == guest
    /// {
    ///     self.inside = None;
    /// }
    /// ```
    pub fn leave(&mut self, guest: NodeId, visit: u64) {
        let _ = (guest, visit);
        todo!("warm-up/replay: mend what replays/two-in-the-room.jsonl shows.")
    }
}

/// What a guest is doing on its current visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It waits to be let in.
    Asking,
    /// It is in the room.
    Inside,
    /// It is outside, and says so until it is heard.
    Leaving,
}

/// Visits the room a few times.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The current visit, counted from 1.
    pub visit: u64,
    /// What it is doing.
    pub doing: Doing,
    /// How many visits it wants to make.
    pub visits: u64,
}

/// The guest's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// It was not answered.
    Repeat,
    /// It has been inside for long enough.
    Go,
}

impl Guest {
    /// One that will come so many times.
    pub fn new(visits: u64) -> Guest {
        Guest {
            visit: 1,
            doing: Doing::Asking,
            visits,
        }
    }

    /// Whether it has made all its visits.
    pub fn is_done(&self) -> bool {
        self.visit > self.visits
    }

    /// Says what there is to say, until it is answered.
    fn speak(&self, ctx: &mut Ctx<'_, Party>) {
        let visit = self.visit;
        let message = match self.doing {
            Doing::Asking if !self.is_done() => Message::Enter { visit },
            Doing::Leaving => Message::Leave { visit },
            Doing::Asking | Doing::Inside => return,
        };
        ctx.send(DOOR, message);
        ctx.set_timer(Timer::Repeat, REPEAT_AFTER);
    }

    fn heard(&mut self, message: &Message, ctx: &mut Ctx<'_, Party>) {
        match (self.doing, message) {
            (Doing::Asking, Message::Welcome { visit }) if *visit == self.visit => {
                self.doing = Doing::Inside;
                let stay = Duration::from_micros(ctx.rng.below(VISIT_US_MAX));
                ctx.set_timer(Timer::Go, stay);
            }
            (Doing::Leaving, Message::Bye { visit }) if *visit == self.visit => {
                self.doing = Doing::Asking;
                self.visit += 1;
                self.speak(ctx);
            }
            // An answer that came twice, or late.
            _ => {}
        }
    }
}

/// A process of this system.
#[derive(Clone, Debug)]
pub enum Party {
    /// The door.
    Door(Door),
    /// One that wants to come in.
    Guest(Guest),
}

impl Node for Party {
    type Message = Message;
    type Timer = Timer;

    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Party>) {
        match (self, event) {
            (Party::Door(door), Event::Message { from, message }) => match message {
                Message::Enter { visit } if door.enter(from, visit) => {
                    ctx.send(from, Message::Welcome { visit });
                }
                Message::Leave { visit } => {
                    door.leave(from, visit);
                    ctx.send(from, Message::Bye { visit });
                }
                _ => {}
            },
            (Party::Door(_), Event::Start | Event::Timer(_)) => {}
            (Party::Guest(guest), Event::Message { message, .. }) => guest.heard(&message, ctx),
            (Party::Guest(guest), Event::Start | Event::Timer(Timer::Repeat)) => guest.speak(ctx),
            (Party::Guest(guest), Event::Timer(Timer::Go)) => {
                guest.doing = Doing::Leaving;
                guest.speak(ctx);
            }
        }
    }
}
