//! A job tracker. The rules are in [`capstone`](crate::capstone).

use super::JobTracker;

// BEGIN SOLUTION
use std::collections::BTreeMap;

use node::Time;

use super::{
    FAILURES_MAX, FETCH_FAILURES_MAX, JOB, LEASE, MAP_SLOTS, Order, REDUCE_SLOTS, Report, State,
    Status,
};
use crate::protocol::{AttemptId, FetchFailure, TaskId, TaskKind, WorkerId};
// END SOLUTION

/// A tracker of a job of which nothing is done: so many maps, and so many reduces, of both one at least.
pub fn job_tracker(maps: u32, reduces: u32) -> Box<dyn JobTracker> {
    // EXERCISE(mapreduce/capstone): a job tracker of your own: choose its state, and implement the trait for it.
    Box::new(Tracker::new(maps, reduces))
}

// BEGIN SOLUTION
/// An attempt that counts, or whose output does.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    number: u64,
    worker: WorkerId,
    /// When it was launched, or last named.
    heard: Time,
}

#[derive(Debug, Default)]
struct Task {
    running: Option<Attempt>,
    output: Option<Attempt>,
    failures: u32,
    /// The number of its next attempt.
    next: u64,
}

/// A worker is never forgotten, since the number of its last report must not be.
#[derive(Debug)]
struct Worker {
    report: u64,
    heard: Time,
}

#[derive(Debug)]
struct Tracker {
    /// Maps first, then reduces.
    tasks: BTreeMap<TaskId, Task>,
    workers: BTreeMap<WorkerId, Worker>,
    /// By map attempt, then by reduce attempt: how often it could not be fetched.
    failures: BTreeMap<AttemptId, BTreeMap<AttemptId, u32>>,
    failed: Option<TaskId>,
}

impl Tracker {
    fn new(maps: u32, reduces: u32) -> Tracker {
        let of = |kind, count| {
            let job = JOB;
            (0..count).map(move |index| (TaskId { job, kind, index }, Task::default()))
        };
        Tracker {
            tasks: of(TaskKind::Map, maps)
                .chain(of(TaskKind::Reduce, reduces))
                .collect(),
            workers: BTreeMap::new(),
            failures: BTreeMap::new(),
            failed: None,
        }
    }

    fn of_kind(&self, kind: TaskKind) -> impl Iterator<Item = &Task> {
        let tasks = self.tasks.iter().filter(move |(id, _)| id.kind == kind);
        tasks.map(|(_, task)| task)
    }

    fn are_done(&self, kind: TaskKind) -> bool {
        self.of_kind(kind).all(|task| task.output.is_some())
    }

    fn is_over(&self) -> bool {
        self.failed.is_some() || self.are_done(TaskKind::Reduce)
    }

    /// What a worker says of an attempt.
    fn hear(
        &mut self,
        worker: WorkerId,
        attempt: AttemptId,
        state: State,
        now: Time,
    ) -> Option<Order> {
        let kill = Some(Order::Kill(attempt));
        let (is_over, is_map) = (self.is_over(), attempt.task.kind == TaskKind::Map);
        let Some(task) = self.tasks.get_mut(&attempt.task) else {
            return kill;
        };
        let is_it = |one: &Attempt| one.number == attempt.number && one.worker == worker;
        if self.failed.is_none() && task.output.as_ref().is_some_and(is_it) {
            let accepted = state == State::Done && !(is_over && is_map);
            return if accepted {
                Some(Order::Accept(attempt))
            } else {
                kill
            };
        }
        let Some(running) = task.running.as_mut().filter(|one| is_it(one)) else {
            return kill;
        };
        if is_over {
            return kill;
        }
        running.heard = now;
        match state {
            State::Running => None,
            State::Done => {
                task.output = task.running.take();
                self.forget(attempt);
                Some(Order::Accept(attempt))
            }
            State::Failed => {
                task.running = None;
                task.failures += 1;
                if task.failures >= FAILURES_MAX {
                    self.failed = Some(attempt.task);
                }
                self.forget(attempt);
                kill
            }
        }
    }

    /// A reduce's attempt that does not count has not failed to fetch anything; and what a map's made that has no output cannot be fetched.
    fn forget(&mut self, attempt: AttemptId) {
        self.failures.remove(&attempt);
        for failures in self.failures.values_mut() {
            failures.remove(&attempt);
        }
    }

    fn hear_failure(&mut self, worker: WorkerId, failure: &FetchFailure) {
        let (reduce, map) = (failure.reduce, failure.map);
        let running = self.tasks.get(&reduce.task).and_then(|task| task.running);
        let output = self.tasks.get(&map.task).and_then(|task| task.output);
        let counts = running.is_some_and(|one| one.number == reduce.number && one.worker == worker);
        let is_there = output.is_some_and(|one| one.number == map.number);
        if !counts || !is_there || map.task.kind != TaskKind::Map || self.is_over() {
            return;
        }
        let failures = self.failures.entry(map).or_default();
        let total = failures.entry(reduce).or_default();
        *total = failure.failures.max(*total);
        let all = failures
            .values()
            .fold(0, |sum: u32, n| sum.saturating_add(*n));
        if all >= FETCH_FAILURES_MAX
            && let Some(task) = self.tasks.get_mut(&map.task)
        {
            task.output = None;
            self.forget(map);
        }
    }

    fn assign(&mut self, worker: WorkerId, now: Time) -> Vec<Order> {
        let mut orders = Vec::new();
        let maps_done = self.are_done(TaskKind::Map);
        for (kind, slots) in [(TaskKind::Map, MAP_SLOTS), (TaskKind::Reduce, REDUCE_SLOTS)] {
            if self.is_over() || (kind == TaskKind::Reduce && !maps_done) {
                break;
            }
            let running = self.of_kind(kind).filter_map(|task| task.running);
            let busy = running.filter(|one| one.worker == worker).count();
            let waiting = self.tasks.iter_mut().filter(|(id, task)| {
                id.kind == kind && task.running.is_none() && task.output.is_none()
            });
            for (id, task) in waiting.take(slots.saturating_sub(busy)) {
                let number = task.next;
                task.next += 1;
                task.running = Some(Attempt {
                    number,
                    worker,
                    heard: now,
                });
                orders.push(Order::Run(AttemptId { task: *id, number }));
            }
        }
        orders
    }
}

impl JobTracker for Tracker {
    fn heartbeat(&mut self, worker: WorkerId, report: &Report, now: Time) -> Vec<Order> {
        let known = self.workers.entry(worker).or_insert(Worker {
            report: 0,
            heard: now,
        });
        if report.number <= known.report {
            return Vec::new();
        }
        (known.report, known.heard) = (report.number, now);
        let mut orders = Vec::new();
        for (attempt, state) in &report.attempts {
            orders.extend(self.hear(worker, *attempt, *state, now));
        }
        for failure in &report.fetch_failures {
            self.hear_failure(worker, failure);
        }
        orders.extend(self.assign(worker, now));
        orders
    }

    fn tick(&mut self, now: Time) {
        if self.is_over() {
            return;
        }
        let workers = &self.workers;
        let is_lost = |worker: WorkerId| {
            let heard = workers.get(&worker).map(|known| known.heard);
            heard.is_none_or(|heard| now.since(heard) > LEASE)
        };
        let mut gone = Vec::new();
        for (id, task) in &mut self.tasks {
            let name = |one: Attempt| AttemptId {
                task: *id,
                number: one.number,
            };
            // A worker that is silent names nothing either.
            let running = task.running.take_if(|one| now.since(one.heard) > LEASE);
            gone.extend(running.map(name));
            if id.kind == TaskKind::Map {
                let output = task.output.take_if(|one| is_lost(one.worker));
                gone.extend(output.map(name));
            }
        }
        for attempt in gone {
            self.forget(attempt);
        }
    }

    fn location(&self, map: u32) -> Option<(AttemptId, WorkerId)> {
        let task = TaskId {
            job: JOB,
            kind: TaskKind::Map,
            index: map,
        };
        let output = self.tasks.get(&task).and_then(|task| task.output);
        let number = |one: Attempt| AttemptId {
            task,
            number: one.number,
        };
        let output = output.filter(|_| !self.is_over());
        output.map(|one| (number(one), one.worker))
    }

    fn status(&self) -> Status {
        if let Some(task) = self.failed {
            return Status::Failed(task);
        }
        let reduces = self
            .tasks
            .iter()
            .filter(|(id, _)| id.kind == TaskKind::Reduce);
        let outputs = reduces.map(|(id, task)| {
            let number = task.output?.number;
            Some(AttemptId { task: *id, number })
        });
        let outputs: Option<Vec<AttemptId>> = outputs.collect();
        outputs.map_or(Status::Running, Status::Succeeded)
    }
}
// END SOLUTION
