//! One list of all attempts that there ever were, each with what has become of it; whatever is asked is counted anew. Reduces begin at once, and the last
//! tasks are run first.
//! replaces: src/capstone/tracker.rs

use std::collections::BTreeMap;

use node::Time;

use super::{
    FAILURES_MAX, FETCH_FAILURES_MAX, JOB, JobTracker, LEASE, MAP_SLOTS, Order, REDUCE_SLOTS,
    Report, State, Status,
};
use crate::protocol::{AttemptId, TaskId, TaskKind, WorkerId};

/// A tracker of one's own.
pub fn job_tracker(maps: u32, reduces: u32) -> Box<dyn JobTracker> {
    Box::new(List {
        maps,
        reduces,
        reports: BTreeMap::new(),
        attempts: Vec::new(),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Counts,
    Made,
    Failed,
    Gone,
}

struct Entry {
    id: AttemptId,
    worker: WorkerId,
    named: Time,
    life: Life,
    complaints: BTreeMap<AttemptId, u32>,
}

struct List {
    maps: u32,
    reduces: u32,
    /// The last report of each worker, and when it came.
    reports: BTreeMap<WorkerId, (u64, Time)>,
    attempts: Vec<Entry>,
}

impl List {
    fn tasks(&self, kind: TaskKind) -> impl Iterator<Item = TaskId> + use<> {
        let count = match kind {
            TaskKind::Map => self.maps,
            TaskKind::Reduce => self.reduces,
        };
        (0..count).map(move |index| TaskId {
            job: JOB,
            kind,
            index,
        })
    }

    fn of(&self, task: TaskId, life: Life) -> impl Iterator<Item = &Entry> {
        let entries = self.attempts.iter();
        entries.filter(move |entry| entry.id.task == task && entry.life == life)
    }

    fn failed(&self) -> Option<TaskId> {
        let mut tasks = self.tasks(TaskKind::Map).chain(self.tasks(TaskKind::Reduce));
        let most = usize::try_from(FAILURES_MAX).unwrap_or(usize::MAX);
        tasks.find(|task| self.of(*task, Life::Failed).count() >= most)
    }

    fn hear(&mut self, worker: WorkerId, id: AttemptId, state: State, now: Time) -> Option<Order> {
        let status = self.status();
        let entry = self.attempts.iter_mut();
        let mut entry = entry.filter(|entry| entry.id == id && entry.worker == worker);
        let Some(entry) = entry.next() else {
            return Some(Order::Kill(id));
        };
        if status == Status::Running && entry.life == Life::Counts {
            entry.named = now;
            match state {
                State::Running => return None,
                State::Done => entry.life = Life::Made,
                State::Failed => entry.life = Life::Failed,
            }
        }
        let still_there = match status {
            Status::Running => true,
            Status::Succeeded(_) => id.task.kind == TaskKind::Reduce,
            Status::Failed(_) => false,
        };
        Some(if still_there && entry.life == Life::Made && state == State::Done {
            Order::Accept(id)
        } else {
            Order::Kill(id)
        })
    }

    /// Gives up what cannot be fetched.
    fn give_up(&mut self) {
        let mut sums: BTreeMap<AttemptId, u64> = BTreeMap::new();
        for entry in self.attempts.iter().filter(|entry| entry.life == Life::Counts) {
            for (map, total) in &entry.complaints {
                *sums.entry(*map).or_default() += u64::from(*total);
            }
        }
        for entry in &mut self.attempts {
            let sum = sums.get(&entry.id).copied().unwrap_or(0);
            if entry.life == Life::Made && sum >= u64::from(FETCH_FAILURES_MAX) {
                entry.life = Life::Gone;
            }
        }
    }
}

impl JobTracker for List {
    fn heartbeat(&mut self, worker: WorkerId, report: &Report, now: Time) -> Vec<Order> {
        match self.reports.get(&worker) {
            Some((last, _)) if *last >= report.number => return Vec::new(),
            _ => self.reports.insert(worker, (report.number, now)),
        };
        let mut orders = Vec::new();
        for (id, state) in &report.attempts {
            orders.extend(self.hear(worker, *id, *state, now));
        }
        for failure in &report.fetch_failures {
            let made = self.of(failure.map.task, Life::Made).any(|entry| entry.id == failure.map);
            let mut entries = self.attempts.iter_mut();
            let reduce = entries.find(|entry| {
                entry.id == failure.reduce && entry.worker == worker && entry.life == Life::Counts
            });
            if let Some(reduce) = reduce.filter(|_| made) {
                let total = reduce.complaints.entry(failure.map).or_default();
                *total = failure.failures.max(*total);
            }
            if self.status() == Status::Running {
                self.give_up();
            }
        }
        for (kind, slots) in [(TaskKind::Reduce, REDUCE_SLOTS), (TaskKind::Map, MAP_SLOTS)] {
            let mut tasks: Vec<TaskId> = self.tasks(kind).collect();
            while let Some(task) = tasks.pop() {
                let busy = self.attempts.iter().filter(|entry| {
                    entry.id.task.kind == kind && entry.worker == worker && entry.life == Life::Counts
                });
                let has_room = busy.count() < slots;
                let is_open = self.of(task, Life::Counts).chain(self.of(task, Life::Made)).count() == 0;
                if self.status() == Status::Running && has_room && is_open {
                    let number = 10 + self.attempts.len() as u64;
                    let id = AttemptId { task, number };
                    self.attempts.push(Entry {
                        id,
                        worker,
                        named: now,
                        life: Life::Counts,
                        complaints: BTreeMap::new(),
                    });
                    orders.push(Order::Run(id));
                }
            }
        }
        orders
    }

    fn tick(&mut self, now: Time) {
        if self.status() != Status::Running {
            return;
        }
        for entry in &mut self.attempts {
            let is_map = entry.id.task.kind == TaskKind::Map;
            let heard = self.reports.get(&entry.worker).map_or(Time::ZERO, |known| known.1);
            let over = match entry.life {
                Life::Counts => now.since(entry.named) > LEASE,
                Life::Made => is_map && now.since(heard) > LEASE,
                Life::Failed | Life::Gone => false,
            };
            if over {
                entry.life = Life::Gone;
            }
        }
    }

    fn location(&self, map: u32) -> Option<(AttemptId, WorkerId)> {
        let mut tasks = self.tasks(TaskKind::Map);
        let task = tasks.find(|task| task.index == map)?;
        let made = self.of(task, Life::Made).next()?;
        (self.status() == Status::Running).then_some((made.id, made.worker))
    }

    fn status(&self) -> Status {
        if let Some(task) = self.failed() {
            return Status::Failed(task);
        }
        let reduces = self.tasks(TaskKind::Reduce);
        let made = reduces.map(|task| self.of(task, Life::Made).next().map(|entry| entry.id));
        let made: Option<Vec<AttemptId>> = made.collect();
        made.map_or(Status::Running, Status::Succeeded)
    }
}
