//! A cluster of lock services: one log, members with clocks of their own, and a judge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::Time;
use raft_kv::capstone::locks::lock_service;
use raft_kv::capstone::{Answer, Command, LockService, SessionId};

struct Member {
    service: Box<dyn LockService>,
    /// How far its clock is ahead of true time, in seconds.
    ahead: u64,
}

pub(crate) struct World {
    seed: u64,
    members: Vec<Member>,
    log: Vec<Command>,
    leader: Option<usize>,
    now: u64,
    sessions_opened: u64,
    judge: Judge,
}

impl World {
    pub(crate) fn new(seed: u64, members: usize) -> World {
        let member = |i: usize| Member {
            service: lock_service(),
            ahead: [0, 77_000, 3][i % 3],
        };
        World {
            seed,
            members: (0..members).map(member).collect(),
            log: Vec::new(),
            leader: None,
            now: 1000,
            sessions_opened: 0,
            judge: Judge::default(),
        }
    }

    fn local(&self, member: usize) -> Time {
        Time::from_millis(1000 * (self.now + self.members[member].ahead))
    }

    pub(crate) fn open(&mut self, session: SessionId, ttl: u64) {
        self.sessions_opened = self.sessions_opened.max(session);
        let ttl = Duration::from_secs(ttl);
        self.judge.since.insert(session, self.now);
        self.agree(Command::Open { session, ttl });
    }

    pub(crate) fn open_next(&mut self, ttl: u64) {
        self.open(self.sessions_opened + 1, ttl);
    }

    pub(crate) fn acquire(&mut self, session: SessionId, lock: &str) {
        let lock = lock.to_owned();
        self.agree(Command::Acquire { session, lock });
    }

    pub(crate) fn release(&mut self, session: SessionId, lock: &str) {
        let lock = lock.to_owned();
        self.agree(Command::Release { session, lock });
    }

    pub(crate) fn expire(&mut self, session: SessionId) {
        self.agree(Command::Expire { session });
    }

    /// The log grows by a command, and every member applies it.
    fn agree(&mut self, command: Command) {
        self.log.push(command);
        let index = self.log.len() as u64;
        let command = &self.log[self.log.len() - 1];
        let told = format!("seed {:#x}, command {index}, {command:?}", self.seed);
        if let Some(leader) = self.leader {
            let now = self.local(leader);
            self.members[leader].service.tick(now);
        }
        let mut answers = self.members.iter_mut().map(|member| {
            let mut answers = member.service.apply(index, command);
            answers.sort();
            answers
        });
        let first = answers.next().unwrap();
        for (member, other) in (1..).zip(answers) {
            assert_eq!(
                other, first,
                "{told}: members answer differently (rule 7): on the left member {member}, on the right member 0"
            );
        }
        self.judge.judge(command, first, &told);
    }

    /// The last so many commands come again.
    pub(crate) fn again(&mut self, count: usize) {
        let first = self.log.len().saturating_sub(count);
        for (index, command) in self.log.iter().enumerate().skip(first) {
            for member in &mut self.members {
                assert_eq!(
                    member.service.apply(index as u64 + 1, command),
                    [],
                    "{command:?} was applied before (rule 6)"
                );
            }
        }
    }

    /// A member is made anew from another one's snapshot, and reads the log again from `back` commands before its end.
    pub(crate) fn restart(&mut self, member: usize, from: usize, back: u64) {
        let snapshot = self.members[from].service.snapshot();
        let mut service = lock_service();
        service.restore(&snapshot);
        self.members[member].service = service;
        if self.leader == Some(member) {
            self.leader = None;
        }
        let first = (self.log.len() as u64).saturating_sub(back);
        for (index, command) in (1u64..).zip(&self.log).filter(|(index, _)| *index > first) {
            assert_eq!(
                self.members[member].service.apply(index, command),
                [],
                "seed {:#x}: {command:?}, index {index}, is in the snapshot that the member was restored from (rule 6)",
                self.seed
            );
        }
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now += seconds;
    }

    pub(crate) fn lead(&mut self, member: usize) {
        if let Some(old) = self.leader.filter(|old| *old != member) {
            self.members[old].service.follow();
        }
        let now = self.local(member);
        self.members[member].service.lead(now);
        self.leader = Some(member);
        for since in self.judge.since.values_mut() {
            *since = self.now;
        }
    }

    pub(crate) fn heard_of(&mut self, session: SessionId) {
        for member in 0..self.members.len() {
            let now = self.local(member);
            let leads = self.leader == Some(member);
            let expected = leads && self.judge.sessions.contains_key(&session);
            let heard = self.members[member].service.heard_of(session, now);
            assert_eq!(
                heard,
                expected,
                "seed {:#x}: session {session} is heard of on member {member}, which {} (rule 9)",
                self.seed,
                if leads { "leads" } else { "does not lead" }
            );
            if expected {
                self.judge.since.insert(session, self.now);
            }
        }
    }

    /// Whom the leader names.
    pub(crate) fn look_for_the_expired(&mut self) -> Vec<SessionId> {
        let mut named_by_leader = Vec::new();
        for member in 0..self.members.len() {
            let now = self.local(member);
            let mut named = self.members[member].service.expired(now);
            named.sort_unstable();
            let leads = self.leader == Some(member);
            let expected = if leads {
                self.judge.silent(self.now)
            } else {
                Vec::new()
            };
            assert_eq!(
                named,
                expected,
                "seed {:#x}: whom member {member}, which {}, names as silent for their TTL (rules 8 and 9); \
                 last heard of, in seconds ago: {:?}",
                self.seed,
                if leads { "leads" } else { "does not lead" },
                self.judge
                    .since
                    .iter()
                    .map(|(id, since)| (*id, self.now - since))
                    .collect::<Vec<_>>()
            );
            if leads {
                named_by_leader = named;
            }
        }
        named_by_leader
    }
}

#[derive(Default)]
struct Judge {
    sessions: BTreeMap<SessionId, Duration>,
    /// When the leader last heard of each, or began to lead.
    since: BTreeMap<SessionId, u64>,
    /// The holder first, then who waits.
    queues: BTreeMap<String, Vec<SessionId>>,
    /// Of each lock the token of its last grant.
    tokens: BTreeMap<String, u64>,
}

impl Judge {
    fn silent(&self, now: u64) -> Vec<SessionId> {
        let sessions = self.sessions.iter();
        let silent = |id: &SessionId| Duration::from_secs(now - self.since[id]);
        sessions
            .filter(|(id, ttl)| silent(id) >= **ttl)
            .map(|(id, _)| *id)
            .collect()
    }

    /// What has to be answered, tokens aside; and who of it is granted a lock anew.
    fn expected(&mut self, command: &Command) -> (Vec<Answer>, BTreeSet<String>) {
        let (mut answers, mut anew) = (Vec::new(), BTreeSet::new());
        let granted = |session, lock: &String| Answer::Granted {
            session,
            lock: lock.clone(),
            token: 0,
        };
        match command {
            Command::Open { session, ttl } => {
                self.sessions.insert(*session, *ttl);
            }
            Command::Acquire { session, .. } | Command::Release { session, .. }
                if !self.sessions.contains_key(session) =>
            {
                answers.push(Answer::Unknown { session: *session });
            }
            Command::Acquire { session, lock } => {
                let queue = self.queues.entry(lock.clone()).or_default();
                if !queue.contains(session) {
                    queue.push(*session);
                    if queue.len() == 1 {
                        anew.insert(lock.clone());
                    }
                }
                let (session, lock) = (*session, lock.clone());
                answers.push(if queue[0] == session {
                    granted(session, &lock)
                } else {
                    Answer::Waiting { session, lock }
                });
            }
            Command::Release {
                session,
                lock: name,
            } => {
                let (session, lock) = (*session, name.clone());
                answers.push(Answer::Released { session, lock });
                self.leave(session, Some(name), &mut answers, &mut anew);
            }
            Command::Expire { session } => {
                self.sessions.remove(session);
                self.leave(*session, None, &mut answers, &mut anew);
            }
        }
        answers.sort();
        (answers, anew)
    }

    fn leave(
        &mut self,
        session: SessionId,
        lock: Option<&String>,
        answers: &mut Vec<Answer>,
        anew: &mut BTreeSet<String>,
    ) {
        for (name, queue) in &mut self.queues {
            if lock.is_some_and(|lock| lock != name) {
                continue;
            }
            let held = queue.first() == Some(&session);
            queue.retain(|waiting| *waiting != session);
            if let Some(next) = queue.first().filter(|_| held) {
                anew.insert(name.clone());
                answers.push(Answer::Granted {
                    session: *next,
                    lock: name.clone(),
                    token: 0,
                });
            }
        }
    }

    fn judge(&mut self, command: &Command, mut answers: Vec<Answer>, told: &str) {
        let queues = self.queues.clone();
        let (expected, anew) = self.expected(command);
        let mut tokens = Vec::new();
        for answer in &mut answers {
            if let Answer::Granted { lock, token, .. } = answer {
                tokens.push((lock.clone(), std::mem::take(token)));
            }
        }
        answers.sort();
        assert_eq!(
            answers, expected,
            "{told}: tokens aside, answered on the left, and on the right what rules 1 and 3 to 5 ask for; before, the \
             queues were {queues:?} (the holder first)"
        );
        for (lock, token) in tokens {
            let last = self.tokens.insert(lock.clone(), token);
            if anew.contains(&lock) {
                assert!(
                    last.is_none_or(|last| token > last),
                    "{told}: {lock} is granted with token {token}, and its last one was {last:?} (rule 2)"
                );
            } else {
                assert_eq!(
                    Some(token),
                    last,
                    "{told}: the holder's token of {lock} has changed (rule 3)"
                );
            }
        }
    }
}
