//! Frees what a session holds when it is over, and leaves it in the queues where it waits: a lock is granted to nobody, for ever.
//! caught-by: capstone::nobody_is_granted_a_lock_after_its_end
//! replaces: src/capstone/locks.rs

use super::LockService;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use node::Time;
use serde::{Deserialize, Serialize};

use super::{Answer, Command, SessionId};

/// A member that has applied nothing, and does not lead.
pub fn lock_service() -> Box<dyn LockService> {
    Box::new(Locks::default())
}

/// What is replicated, and beside it what only a leader knows.
#[derive(Debug, Default)]
struct Locks {
    state: State,
    /// Where this member leads: its clock, and when each session was last heard of.
    clock: Option<Clock>,
}

#[derive(Debug)]
struct Clock {
    now: Time,
    heard: BTreeMap<SessionId, Time>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    applied: u64,
    /// With their TTLs.
    sessions: BTreeMap<SessionId, Duration>,
    locks: BTreeMap<String, Lock>,
}

/// A lock is never forgotten, since its last token must not be.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Lock {
    token: u64,
    /// The holder first, then who waits.
    queue: VecDeque<SessionId>,
}

impl State {
    fn apply(&mut self, command: &Command) -> Vec<Answer> {
        match command {
            Command::Open { session, ttl } => {
                self.sessions.insert(*session, *ttl);
                Vec::new()
            }
            Command::Expire { session } => {
                self.sessions.remove(session);
                let locks = self.locks.iter_mut();
                let locks = locks.filter(|(_, lock)| lock.queue.front() == Some(session));
                locks
                    .filter_map(|(name, lock)| lock.leave(name, *session))
                    .collect()
            }
            Command::Acquire { session, .. } | Command::Release { session, .. }
                if !self.sessions.contains_key(session) =>
            {
                vec![Answer::Unknown { session: *session }]
            }
            Command::Acquire {
                session,
                lock: name,
            } => {
                let lock = self.locks.entry(name.clone()).or_default();
                vec![lock.acquire(name, *session)]
            }
            Command::Release {
                session,
                lock: name,
            } => {
                let lock = self.locks.entry(name.clone()).or_default();
                let released = Answer::Released {
                    session: *session,
                    lock: name.clone(),
                };
                [Some(released), lock.leave(name, *session)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
        }
    }
}

impl Lock {
    fn acquire(&mut self, name: &str, session: SessionId) -> Answer {
        if !self.queue.contains(&session) {
            self.queue.push_back(session);
            self.token += u64::from(self.queue.len() == 1);
        }
        if self.queue.front() == Some(&session) {
            return self.granted(name, session);
        }
        Answer::Waiting {
            session,
            lock: name.to_owned(),
        }
    }

    fn granted(&self, name: &str, session: SessionId) -> Answer {
        Answer::Granted {
            session,
            lock: name.to_owned(),
            token: self.token,
        }
    }

    /// The session goes, from wherever it is; where it was the holder, the next one is.
    fn leave(&mut self, name: &str, session: SessionId) -> Option<Answer> {
        let held = self.queue.front() == Some(&session);
        self.queue.retain(|waiting| *waiting != session);
        let next = *self.queue.front().filter(|_| held)?;
        self.token += 1;
        Some(self.granted(name, next))
    }
}

impl LockService for Locks {
    fn apply(&mut self, index: u64, command: &Command) -> Vec<Answer> {
        if index <= self.state.applied {
            return Vec::new();
        }
        self.state.applied = index;
        if let Some(clock) = &mut self.clock {
            match command {
                Command::Open { session, .. } => clock.heard.insert(*session, clock.now),
                Command::Expire { session } => clock.heard.remove(session),
                _ => None,
            };
        }
        self.state.apply(command)
    }

    fn snapshot(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.state).unwrap_or_default()
    }

    fn restore(&mut self, snapshot: &[u8]) {
        self.state = postcard::from_bytes(snapshot).unwrap_or_default();
        self.clock = None;
    }

    fn lead(&mut self, now: Time) {
        let heard = self.state.sessions.keys().map(|session| (*session, now));
        self.clock = Some(Clock {
            now,
            heard: heard.collect(),
        });
    }

    fn follow(&mut self) {
        self.clock = None;
    }

    fn tick(&mut self, now: Time) {
        if let Some(clock) = &mut self.clock {
            clock.now = now;
        }
    }

    fn heard_of(&mut self, session: SessionId, now: Time) -> bool {
        let heard = self
            .clock
            .as_mut()
            .and_then(|clock| clock.heard.get_mut(&session));
        heard.map(|heard| *heard = now).is_some()
    }

    fn expired(&mut self, now: Time) -> Vec<SessionId> {
        let Some(clock) = &self.clock else {
            return Vec::new();
        };
        let sessions = self.state.sessions.iter();
        let silent = |session: &SessionId| clock.heard.get(session).map(|heard| now.since(*heard));
        sessions
            .filter(|(session, ttl)| silent(session).is_some_and(|silent| silent >= **ttl))
            .map(|(session, _)| *session)
            .collect()
    }
}
