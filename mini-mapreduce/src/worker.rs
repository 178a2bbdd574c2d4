//! A worker's side of the conversation (MRv1's TaskTracker): what it has under way, and what it says of it.
//!
//! It remembers every attempt until an answer has settled it, and says all of that in each report. It acts upon the answer to its newest report alone:
//! an answer that took so long that the worker has sent another report meanwhile is none. Coordinator and worker thus never disagree for longer than a
//! heartbeat, whatever is lost, doubled or late.
//!
//! [`shuffle`] is what a reduce decides for itself: which map outputs to fetch when.

pub mod shuffle;

use std::collections::{BTreeMap, BTreeSet};

use crate::counters::Counters;
use crate::job::{JobSpec, Split};
use crate::protocol::{
    AttemptId, AttemptReport, AttemptState, FetchFailure, JobId, MapEvent, Order, Reply, Report,
    TaskKind, WorkerId,
};

/// What the worker has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Begin a map.
    RunMap {
        /// Which.
        attempt: AttemptId,
        /// Of which job.
        spec: JobSpec,
        /// What to read.
        split: Split,
    },
    /// Begin a reduce. What it has to fetch is in [`Worker::events`], now and after each [`Action::News`].
    RunReduce {
        /// Which.
        attempt: AttemptId,
        /// Of which job.
        spec: JobSpec,
        /// How many maps there are.
        maps: u32,
    },
    /// More is known of a job's map outputs.
    News(JobId),
    /// Stop the attempt if it runs, and remove all that it made.
    Remove(AttemptId),
    /// Stop everything of a job, and remove all map outputs of it.
    Forget(JobId),
}

/// What a worker knows.
#[derive(Clone, Debug)]
pub struct Worker {
    id: WorkerId,
    sequence: u64,
    /// Every attempt that is not settled.
    attempts: BTreeMap<AttemptId, AttemptState>,
    /// Map outputs that count.
    accepted: BTreeSet<AttemptId>,
    /// Of each job of which it has anything.
    events: BTreeMap<JobId, Vec<MapEvent>>,
    /// By reduce, then by map: how often fetching failed.
    fetch_failures: BTreeMap<AttemptId, BTreeMap<AttemptId, u32>>,
}

impl Worker {
    /// A worker that has nothing yet.
    pub fn new(id: WorkerId) -> Worker {
        Worker {
            id,
            sequence: 0,
            attempts: BTreeMap::new(),
            accepted: BTreeSet::new(),
            events: BTreeMap::new(),
            fetch_failures: BTreeMap::new(),
        }
    }

    /// Its name.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// The map outputs that it holds, for its registration.
    pub fn outputs(&self) -> Vec<AttemptId> {
        let done = self.attempts.iter().filter(|(id, state)| {
            id.task.kind == TaskKind::Map && matches!(state, AttemptState::Done { .. })
        });
        let done = done.map(|(id, _)| *id);
        self.accepted.iter().copied().chain(done).collect()
    }

    /// The answer to a registration: outputs that do not count. Of one that no answer has settled the answer to a report will say more.
    pub fn registered(&mut self, useless: &[AttemptId]) -> Vec<Action> {
        let gone = useless.iter().filter(|id| self.accepted.remove(id));
        gone.map(|id| Action::Remove(*id)).collect()
    }

    /// The next report.
    pub fn report(&mut self) -> Report {
        self.sequence += 1;
        let attempts = self.attempts.iter();
        let failures = self.fetch_failures.iter().flat_map(|(reduce, maps)| {
            maps.iter().map(|(map, failures)| FetchFailure {
                reduce: *reduce,
                map: *map,
                failures: *failures,
            })
        });
        let known = |events: &Vec<MapEvent>| events.len() as u64;
        Report {
            worker: self.id,
            sequence: self.sequence,
            attempts: attempts
                .map(|(attempt, state)| AttemptReport {
                    attempt: *attempt,
                    state: state.clone(),
                })
                .collect(),
            fetch_failures: failures.collect(),
            jobs: self.events.iter().map(|(j, e)| (*j, known(e))).collect(),
        }
    }

    /// An answer has come. Nothing is to be done if it is not the one to the newest report.
    pub fn hear(&mut self, reply: Reply) -> Vec<Action> {
        if reply.sequence != self.sequence {
            return Vec::new();
        }
        let mut actions = Vec::new();
        for order in reply.orders {
            actions.extend(self.obey(order));
        }
        for (job, news) in reply.events {
            let Some(events) = self.events.get_mut(&job).filter(|_| !news.is_empty()) else {
                continue;
            };
            events.extend(news);
            actions.push(Action::News(job));
        }
        // The same answer once more would be none.
        self.sequence += 1;
        actions
    }

    fn obey(&mut self, order: Order) -> Option<Action> {
        match order {
            Order::RunMap {
                attempt,
                spec,
                split,
            } => self.begin(attempt).then_some(Action::RunMap {
                attempt,
                spec,
                split,
            }),
            Order::RunReduce {
                attempt,
                spec,
                maps,
            } => self.begin(attempt).then_some(Action::RunReduce {
                attempt,
                spec,
                maps,
            }),
            Order::Kill(attempt) => {
                self.settled(attempt);
                Some(Action::Remove(attempt))
            }
            Order::Accept(attempt) => {
                self.settled(attempt);
                if attempt.task.kind == TaskKind::Map {
                    self.accepted.insert(attempt);
                }
                None
            }
            Order::Forget(job) => {
                self.attempts.retain(|id, _| id.task.job != job);
                self.accepted.retain(|id| id.task.job != job);
                self.fetch_failures.retain(|id, _| id.task.job != job);
                self.events.remove(&job);
                Some(Action::Forget(job))
            }
        }
    }

    fn begin(&mut self, attempt: AttemptId) -> bool {
        if self.attempts.contains_key(&attempt) {
            return false;
        }
        let running = AttemptState::Running {
            progress: 0.0,
            counters: Counters::default(),
            ticks: 0,
        };
        self.attempts.insert(attempt, running);
        self.events.entry(attempt.task.job).or_default();
        true
    }

    fn settled(&mut self, attempt: AttemptId) {
        self.attempts.remove(&attempt);
        self.fetch_failures.remove(&attempt);
    }

    /// An attempt that runs is this far, from 0 to 1, and has counted so much. Nothing happens if it does not run (any more).
    pub fn progress(&mut self, attempt: AttemptId, fraction: f64, counted: Counters) {
        if let Some(AttemptState::Running {
            progress, counters, ..
        }) = self.attempts.get_mut(&attempt)
        {
            (*progress, *counters) = (fraction, counted);
        }
    }

    /// An attempt that runs has given so many signs of life so far. Nothing happens if it does not run (any more).
    pub fn alive(&mut self, attempt: AttemptId, so_far: u64) {
        if let Some(AttemptState::Running { ticks, .. }) = self.attempts.get_mut(&attempt) {
            *ticks = so_far;
        }
    }

    /// An attempt that ran has come to an end. False if it was stopped meanwhile: then what it made is nobody's.
    pub fn ended(&mut self, attempt: AttemptId, end: AttemptState) -> bool {
        let ran = self.is_running(attempt);
        if ran {
            self.attempts.insert(attempt, end);
        }
        ran
    }

    /// A reduce could not fetch a map's output.
    pub fn fetch_failed(&mut self, reduce: AttemptId, map: AttemptId) {
        if self.is_running(reduce) {
            let failures = self.fetch_failures.entry(reduce).or_default();
            *failures.entry(map).or_default() += 1;
        }
    }

    /// Whether an attempt runs, and may go on.
    pub fn is_running(&self, attempt: AttemptId) -> bool {
        let state = self.attempts.get(&attempt);
        matches!(state, Some(AttemptState::Running { .. }))
    }

    /// What is known of a job's map outputs, in order.
    pub fn events(&self, job: JobId) -> &[MapEvent] {
        self.events.get(&job).map_or(&[], Vec::as_slice)
    }
}
