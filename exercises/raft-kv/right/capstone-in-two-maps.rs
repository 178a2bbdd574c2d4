//! Holders and those who wait in two maps; one counter of tokens for all locks; clocks as the times at which sessions will be over.
//! replaces: src/capstone/locks.rs

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use super::{Answer, Command, LockService, SessionId};

/// A lock service of one's own.
pub fn lock_service() -> Box<dyn LockService> {
    Box::new(Service::default())
}

type Waiting = BTreeMap<(String, u64), SessionId>;

#[derive(Default)]
struct Service {
    applied: u64,
    tokens: u64,
    sessions: BTreeMap<SessionId, Duration>,
    holders: BTreeMap<String, (SessionId, u64)>,
    /// By lock, then by the index of the command that asked.
    waiting: Waiting,
    leads: bool,
    now: Time,
    over_at: BTreeMap<SessionId, Time>,
}

impl Service {
    fn grant(&mut self, lock: &str, session: SessionId) -> Answer {
        self.tokens += 1;
        self.holders.insert(lock.to_owned(), (session, self.tokens));
        self.granted(lock)
    }

    fn granted(&self, lock: &str) -> Answer {
        let (session, token) = self.holders[lock];
        let lock = lock.to_owned();
        Answer::Granted {
            session,
            lock,
            token,
        }
    }

    fn place(&self, lock: &str, session: SessionId) -> Option<(String, u64)> {
        let mut places = self.waiting.iter();
        let place = places.find(|((name, _), waiting)| name == lock && **waiting == session);
        place.map(|(place, _)| place.clone())
    }

    /// What comes of it that a session gives a lock back, or its place in the queue.
    fn free(&mut self, lock: &str, session: SessionId) -> Option<Answer> {
        if let Some(place) = self.place(lock, session) {
            self.waiting.remove(&place);
        }
        if self.holders.get(lock)?.0 != session {
            return None;
        }
        self.holders.remove(lock);
        let (place, next) = self.waiting.iter().find(|((name, _), _)| name == lock)?;
        let (place, next) = (place.clone(), *next);
        self.waiting.remove(&place);
        Some(self.grant(lock, next))
    }

    fn acquire(&mut self, index: u64, session: SessionId, lock: &str) -> Answer {
        match self.holders.get(lock) {
            None => return self.grant(lock, session),
            Some((holder, _)) if *holder == session => return self.granted(lock),
            Some(_) => {}
        }
        if self.place(lock, session).is_none() {
            self.waiting.insert((lock.to_owned(), index), session);
        }
        let lock = lock.to_owned();
        Answer::Waiting { session, lock }
    }
}

type Written = (
    (u64, u64),
    BTreeMap<SessionId, Duration>,
    BTreeMap<String, (SessionId, u64)>,
    Waiting,
);

impl LockService for Service {
    fn apply(&mut self, index: u64, command: &Command) -> Vec<Answer> {
        if self.applied >= index {
            return vec![];
        }
        self.applied = index;
        match command {
            Command::Open { session, ttl } => {
                self.sessions.insert(*session, *ttl);
                self.over_at.insert(*session, self.now + *ttl);
                vec![]
            }
            Command::Expire { session } => {
                self.sessions.remove(session);
                self.over_at.remove(session);
                let names: Vec<String> = self.holders.keys().cloned().collect();
                let next = names.iter().filter_map(|name| self.free(name, *session));
                next.collect()
            }
            Command::Acquire { session, lock } if self.sessions.contains_key(session) => {
                vec![self.acquire(index, *session, lock)]
            }
            Command::Release { session, lock } if self.sessions.contains_key(session) => {
                let next = self.free(lock, *session);
                let (session, lock) = (*session, lock.clone());
                let released = Answer::Released { session, lock };
                std::iter::once(released).chain(next).collect()
            }
            Command::Acquire { session, .. } | Command::Release { session, .. } => {
                vec![Answer::Unknown { session: *session }]
            }
        }
    }

    fn snapshot(&self) -> Vec<u8> {
        let counters = (self.applied, self.tokens);
        let parts = (counters, &self.sessions, &self.holders, &self.waiting);
        postcard::to_stdvec(&parts).unwrap_or_default()
    }

    fn restore(&mut self, snapshot: &[u8]) {
        let written: Written = postcard::from_bytes(snapshot).unwrap_or_default();
        *self = Service {
            applied: written.0.0,
            tokens: written.0.1,
            sessions: written.1,
            holders: written.2,
            waiting: written.3,
            ..Service::default()
        };
    }

    fn lead(&mut self, now: Time) {
        self.leads = true;
        self.now = now;
        let over = |(session, ttl): (&SessionId, &Duration)| (*session, now + *ttl);
        self.over_at = self.sessions.iter().map(over).collect();
    }

    fn follow(&mut self) {
        self.leads = false;
    }

    fn tick(&mut self, now: Time) {
        self.now = now;
    }

    fn heard_of(&mut self, session: SessionId, now: Time) -> bool {
        let ttl = self.sessions.get(&session).filter(|_| self.leads);
        if let Some(ttl) = ttl {
            self.over_at.insert(session, now + *ttl);
        }
        ttl.is_some()
    }

    fn expired(&mut self, now: Time) -> Vec<SessionId> {
        let over = self
            .over_at
            .iter()
            .filter(|(_, at)| self.leads && **at <= now);
        over.map(|(session, _)| *session).collect()
    }
}
