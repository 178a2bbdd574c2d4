//! Which tasks a worker with free slots gets: of the oldest job first, what waits before second attempts of what runs.

use std::collections::{BTreeMap, BTreeSet};

use node::Time;

use super::delay::{Locality, locality};
use super::history::{AttemptRecord, Outcome};
use super::job::{Job, JobState};
use super::task::Task;
use super::{Coordinator, Worker};
use crate::counters::Counters;
use crate::job::Split;
use crate::protocol::{AttemptId, JobId, Order, Registration, Report, TaskKind, WorkerId};

/// Of all workers, how many in a hundred may be kept from a job. Where more would be, the job itself is to blame, and none is
/// (`yarn.app.mapreduce.am.job.node-blacklisting.ignore-threshold-node-percent`).
const BLACKLIST_PERCENT_MAX: usize = 33;

impl Coordinator {
    /// Orders for the free slots of a worker.
    pub(super) fn assign(&mut self, worker: WorkerId, now: Time) -> Vec<Order> {
        let Some(here) = self.workers.get(&worker) else {
            return Vec::new();
        };
        let slots = [
            (TaskKind::Map, here.registration.map_slots),
            (TaskKind::Reduce, here.registration.reduce_slots),
        ];
        let mut orders = Vec::new();
        for (kind, slots) in slots {
            let busy = self.attempts_on(worker).filter(|id| id.task.kind == kind);
            let free = usize::try_from(slots).unwrap_or(0);
            let free = free.saturating_sub(busy.count());
            for _ in 0..free {
                let Some((job, index)) = self.next_task(kind, worker, now) else {
                    break;
                };
                orders.extend(self.launch(job, kind, index, worker, now));
            }
        }
        orders
    }

    pub(super) fn attempts_on(&self, worker: WorkerId) -> impl Iterator<Item = AttemptId> {
        let attempts = self.jobs.values().flat_map(|job| job.attempts());
        let there = attempts.filter(move |(_, attempt)| attempt.worker == worker);
        there.map(|(id, _)| id)
    }

    /// What was ordered of this worker and its report does not name: the order was lost. A worker acts upon the answer to one report before it sends the
    /// next, so what was ordered before this one it would name.
    pub(super) fn orders_not_heard(&self, report: &Report) -> Vec<Order> {
        let named = |id: &AttemptId| report.attempts.iter().any(|heard| heard.attempt == *id);
        let silent = self.attempts_on(report.worker).filter(|id| !named(id));
        silent.filter_map(|attempt| self.order(attempt)).collect()
    }

    fn order(&self, attempt: AttemptId) -> Option<Order> {
        let job = self.jobs.get(&attempt.task.job)?;
        let spec = job.spec.clone();
        Some(match attempt.task.kind {
            TaskKind::Map => {
                let index = usize::try_from(attempt.task.index).ok()?;
                let split = job.splits.get(index)?.clone();
                Order::RunMap {
                    attempt,
                    spec,
                    split,
                }
            }
            TaskKind::Reduce => {
                let maps = u32::try_from(job.maps.len()).unwrap_or(u32::MAX);
                Order::RunReduce {
                    attempt,
                    spec,
                    maps,
                }
            }
        })
    }

    fn launch(
        &mut self,
        job: JobId,
        kind: TaskKind,
        index: usize,
        worker: WorkerId,
        now: Time,
    ) -> Option<Order> {
        let mut record = self.record(job, kind, index, worker, now)?;
        let job = self.jobs.get_mut(&job)?;
        let id = job.task_id(kind, index);
        let task = job.task_mut(id)?;
        record.speculative = !task.attempts.is_empty();
        let number = task.launch(worker, now);
        let attempt = AttemptId { task: id, number };
        job.tally("TOTAL_LAUNCHED", kind);
        job.history.begin(attempt, record);
        self.order(attempt)
    }

    /// What is remembered of an attempt that is about to begin.
    fn record(
        &self,
        job: JobId,
        kind: TaskKind,
        index: usize,
        worker: WorkerId,
        now: Time,
    ) -> Option<AttemptRecord> {
        let here = &self.workers.get(&worker)?.registration;
        let busy = self.attempts_on(worker).filter(|id| id.task.kind == kind);
        let record = |id: AttemptId| self.jobs.get(&id.task.job)?.history.attempt(id);
        let taken: Vec<u32> = busy.filter_map(|id| Some(record(id)?.slot)).collect();
        let split = match kind {
            TaskKind::Map => self.jobs.get(&job)?.splits.get(index),
            TaskKind::Reduce => None,
        };
        let away = distance(&self.workers, worker)?;
        Some(AttemptRecord {
            worker,
            host: here.host.clone(),
            rack: here.rack.clone(),
            slot: (0..).find(|slot| !taken.contains(slot)).unwrap_or(0),
            speculative: false,
            locality: split.filter(|split| !split.hosts.is_empty()).map(away),
            started: now,
            shuffled: None,
            merged: None,
            ended: None,
            outcome: Outcome::Running,
            progress: 0.0,
            input_records: 0,
            shuffle_bytes: 0,
            spilled_records: 0,
            fetch_failures: 0,
            counters: Counters::default(),
        })
    }

    fn next_task(&mut self, kind: TaskKind, worker: WorkerId, now: Time) -> Option<(JobId, usize)> {
        let running = |job: &&Job| job.state == JobState::Running && job.owed.is_set_up;
        let jobs: Vec<JobId> = self
            .jobs
            .values()
            .filter(running)
            .filter(|job| !self.is_kept_from(worker, job))
            .map(|job| job.id)
            .collect();
        let waiting = jobs.iter().find_map(|job| {
            let index = self.next_pending(*job, kind, worker, now);
            Some((*job, index?))
        });
        if waiting.is_some() || !self.config.speculative {
            return waiting;
        }
        let slots = self.slots(kind);
        jobs.iter().find_map(|id| {
            let job = self.jobs.get(id)?;
            // While tasks wait, and the job waits for a better place for them, a slot is not for second attempts.
            if !job.is_speculative(kind) || job.tasks(kind).iter().any(|task| task.is_pending()) {
                return None;
            }
            let index = job.straggler(kind, worker, slots, &self.config.late, now)?;
            Some((*id, index))
        })
    }

    fn next_pending(
        &mut self,
        id: JobId,
        kind: TaskKind,
        worker: WorkerId,
        now: Time,
    ) -> Option<usize> {
        let everywhere = self.places_for(self.jobs.get(&id)?, kind);
        let is_good = |task: &Task| task.is_for(worker, &everywhere);
        match kind {
            TaskKind::Map => self.next_map(id, is_good, worker, now),
            TaskKind::Reduce => {
                let slowstart = self.config.slowstart_percent;
                self.jobs.get(&id)?.next_reduce(is_good, slowstart)
            }
        }
    }

    /// The workers that get tasks of a kind of a job.
    fn places_for(&self, job: &Job, kind: TaskKind) -> BTreeSet<WorkerId> {
        let slots = |worker: &Registration| match kind {
            TaskKind::Map => worker.map_slots,
            TaskKind::Reduce => worker.reduce_slots,
        };
        let workers = self.workers().filter(|worker| slots(worker) > 0);
        let workers = workers.map(|worker| worker.worker);
        workers.filter(|id| !self.is_kept_from(*id, job)).collect()
    }

    fn next_map(
        &mut self,
        job: JobId,
        is_good: impl Fn(&Task) -> bool,
        worker: WorkerId,
        now: Time,
    ) -> Option<usize> {
        let away = distance(&self.workers, worker)?;
        let waits = self.config.waits;
        let job = self.jobs.get_mut(&job)?;
        job.next_map(away, is_good, &waits, now)
    }

    /// All slots of a kind.
    fn slots(&self, kind: TaskKind) -> u32 {
        let slots = self.workers().map(|worker| worker.slots(kind));
        slots.fold(0, u32::saturating_add)
    }

    /// Whether a worker gets nothing of a job any more, after so many attempts have failed there.
    fn is_kept_from(&self, worker: WorkerId, job: &Job) -> bool {
        let most = self.config.worker_failures_max;
        let failed = |id: &WorkerId| job.blame.get(id).is_some_and(|failures| *failures >= most);
        if !failed(&worker) {
            return false;
        }
        let (mut all, mut kept) = (0, 0);
        for other in self.workers() {
            all += 1;
            kept += usize::from(failed(&other.worker));
        }
        kept * 100 <= all * BLACKLIST_PERCENT_MAX
    }
}

/// How far a worker is from a split.
fn distance(
    workers: &BTreeMap<WorkerId, Worker>,
    worker: WorkerId,
) -> Option<impl Fn(&Split) -> Locality> {
    let here = &workers.get(&worker)?.registration;
    let registrations = workers.values().map(|worker| &worker.registration);
    let racks: BTreeMap<&str, &str> = registrations
        .map(|other| (other.host.as_str(), other.rack.as_str()))
        .collect();
    Some(move |split: &Split| {
        locality(split, &here.host, &here.rack, |host| {
            racks.get(host).copied()
        })
    })
}
