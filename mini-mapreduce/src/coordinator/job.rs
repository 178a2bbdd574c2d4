//! A job as the coordinator keeps it: its tasks, where its map outputs are, and its patience.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use super::delay::{Delay, Locality, Waits};
use super::fetch_failures::FetchFailures;
use super::history::{History, Outcome};
use super::late::{self, LateConfig, Running};
use super::owed::Owed;
use super::task::{Attempt, Limits, Task};
use crate::counters::Counters;
use crate::job::{JobError, JobSpec, Split};
use crate::protocol::{AttemptId, JobId, MapEvent, TaskId, TaskKind, WorkerId};

/// The setting for how long an attempt may give no sign of life: milliseconds; 0 for any time.
pub const TASK_TIMEOUT: &str = "mapreduce.task.timeout";

/// What a job says of how its tasks are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TaskSettings {
    /// How long attempts may give no sign of life, if it says anything of it.
    timeout: Option<Duration>,
    /// Whether there are second attempts, of maps and of reduces.
    speculative: [bool; 2],
}

impl TaskSettings {
    /// # Errors
    /// Where a setting is not what it has to be.
    pub(super) fn of(spec: &JobSpec) -> Result<TaskSettings, JobError> {
        let settings = &spec.settings;
        let given = settings.get(TASK_TIMEOUT).is_some();
        let timeout = match settings.parse(TASK_TIMEOUT, 0)? {
            0 => Duration::MAX,
            ms => Duration::from_millis(ms),
        };
        Ok(TaskSettings {
            timeout: given.then_some(timeout),
            speculative: [
                settings.parse("mapreduce.map.speculative", true)?,
                settings.parse("mapreduce.reduce.speculative", true)?,
            ],
        })
    }
}

impl Default for TaskSettings {
    fn default() -> TaskSettings {
        TaskSettings {
            timeout: None,
            speculative: [true, true],
        }
    }
}

/// How many tasks of a kind there are, and how many of them are done.
pub type TaskCount = (u32, u32);

/// The group of the counters that the coordinator keeps of attempts, under Hadoop's name for it. It begins anew with each coordinator.
pub const JOB_COUNTERS: &str = "org.apache.hadoop.mapreduce.JobCounter";

/// Where a job is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Tasks are still to be done.
    Running,
    /// Every task is done; the output is being made visible.
    Committing,
    /// The output is there, whole.
    Succeeded,
    /// It is given up, with nothing visible.
    Failed {
        /// Why.
        reason: String,
    },
}

impl JobState {
    /// Whether nothing more will happen.
    pub fn is_over(&self) -> bool {
        matches!(self, JobState::Succeeded | JobState::Failed { .. })
    }
}

/// How a worker did in a job: the rates of its attempts, progress in a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Speed {
    rates: f64,
    attempts: u32,
}

/// A job.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// The client's own number for it.
    pub token: u64,
    /// What it is.
    pub spec: JobSpec,
    /// The splits, one for each map.
    pub splits: Vec<Split>,
    /// The maps.
    pub maps: Vec<Task>,
    /// The reduces, one for each partition.
    pub reduces: Vec<Task>,
    /// Where it is in its life.
    pub state: JobState,
    /// When it was taken; unknown where an earlier coordinator took it, unless that saw its end.
    pub submitted: Option<Time>,
    /// When it was over.
    pub ended: Option<Time>,
    /// What has become of its attempts, as far as the coordinator knows that saw the last of it.
    pub history: History,
    /// What has become of map outputs. Only grows: workers know a prefix.
    pub(super) events: Vec<MapEvent>,
    pub(super) fetch_failures: FetchFailures,
    /// What the tasks that are done have counted.
    pub(super) counted: BTreeMap<TaskId, Counters>,
    /// What all of it counted, once it is over.
    pub(super) total: Counters,
    /// The same by kind of task, of what that coordinator has seen.
    pub(super) total_by_kind: BTreeMap<TaskKind, Counters>,
    /// How many attempts failed on each worker.
    pub(super) blame: BTreeMap<WorkerId, u32>,
    speeds: BTreeMap<(TaskKind, WorkerId), Speed>,
    delay: Delay,
    pub(super) owed: Owed,
    settings: TaskSettings,
    /// What became of attempts ([`JOB_COUNTERS`]).
    pub(super) tally: Counters,
    /// Of a job that is over: its maps and its reduces.
    pub(super) past: Option<[TaskCount; 2]>,
}

impl Job {
    /// A job of which nothing is done yet; attempts are numbered from `first` on.
    pub(super) fn new(id: JobId, token: u64, spec: JobSpec, splits: Vec<Split>, first: u64) -> Job {
        let reduces = usize::try_from(spec.reduces).unwrap_or(usize::MAX);
        Job {
            id,
            token,
            // A job with a setting that is none was never taken.
            settings: TaskSettings::of(&spec).unwrap_or_default(),
            maps: vec![Task::new(first); splits.len()],
            reduces: vec![Task::new(first); reduces],
            spec,
            splits,
            state: JobState::Running,
            submitted: None,
            ended: None,
            history: History::default(),
            events: Vec::new(),
            fetch_failures: FetchFailures::default(),
            counted: BTreeMap::new(),
            total: Counters::default(),
            total_by_kind: BTreeMap::new(),
            blame: BTreeMap::new(),
            speeds: BTreeMap::new(),
            delay: Delay::default(),
            owed: Owed::default(),
            tally: Counters::default(),
            past: None,
        }
    }

    /// When its attempts end against their will, where `usual` is what holds for all jobs.
    pub(super) fn limits(&self, usual: Limits) -> Limits {
        let stuck = self.settings.timeout.unwrap_or(usual.stuck);
        Limits { stuck, ..usual }
    }

    /// Whether its output directory was made. Before that none of its tasks runs.
    pub fn is_set_up(&self) -> bool {
        self.owed.is_set_up
    }

    /// The tasks of a kind.
    pub fn tasks(&self, kind: TaskKind) -> &[Task] {
        match kind {
            TaskKind::Map => &self.maps,
            TaskKind::Reduce => &self.reduces,
        }
    }

    pub(super) fn tasks_mut(&mut self, kind: TaskKind) -> &mut [Task] {
        match kind {
            TaskKind::Map => &mut self.maps,
            TaskKind::Reduce => &mut self.reduces,
        }
    }

    pub(super) fn task_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        let index = usize::try_from(id.index).ok()?;
        self.tasks_mut(id.kind).get_mut(index)
    }

    /// A task's name.
    pub fn task_id(&self, kind: TaskKind, index: usize) -> TaskId {
        TaskId {
            job: self.id,
            kind,
            index: u32::try_from(index).unwrap_or(u32::MAX),
        }
    }

    /// The attempts that count, with their names.
    pub fn attempts(&self) -> impl Iterator<Item = (AttemptId, &Attempt)> {
        let kinds = [TaskKind::Map, TaskKind::Reduce].into_iter();
        kinds.flat_map(move |kind| {
            let tasks = self.tasks(kind).iter().enumerate();
            tasks.flat_map(move |(index, task)| {
                let id = self.task_id(kind, index);
                let named = move |(number, attempt)| (AttemptId { task: id, number }, attempt);
                task.attempts.iter().map(move |(n, a)| named((*n, a)))
            })
        })
    }

    /// The winners of a kind of task, those that there are.
    pub fn winners(&self, kind: TaskKind) -> impl Iterator<Item = (AttemptId, WorkerId)> {
        let tasks = self.tasks(kind).iter().enumerate();
        tasks.filter_map(move |(index, task)| {
            let winner = task.winner?;
            let task = self.task_id(kind, index);
            let number = winner.number;
            Some((AttemptId { task, number }, winner.worker))
        })
    }

    /// What is lost with a worker: the attempts that run there, and the outputs of maps that it alone has and that reduces may still want.
    pub(super) fn lost_with(&self, worker: WorkerId) -> (Vec<AttemptId>, Vec<AttemptId>) {
        let (mut attempts, mut outputs) = (Vec::new(), Vec::new());
        for kind in [TaskKind::Map, TaskKind::Reduce] {
            let on_its_worker = kind != self.output_kind() && self.state == JobState::Running;
            for (index, task) in self.tasks(kind).iter().enumerate() {
                let lost = task.lost_with(worker, on_its_worker);
                let task = self.task_id(kind, index);
                let named = |number| AttemptId { task, number };
                attempts.extend(lost.attempts.into_iter().map(named));
                outputs.extend(lost.output.map(named));
            }
        }
        (attempts, outputs)
    }

    /// The kind of task whose parts are the output.
    pub fn output_kind(&self) -> TaskKind {
        if self.reduces.is_empty() {
            TaskKind::Map
        } else {
            TaskKind::Reduce
        }
    }

    /// Whether every part of the output is made.
    pub fn is_done(&self) -> bool {
        let tasks = self.tasks(self.output_kind());
        tasks.iter().all(|task| task.winner.is_some())
    }

    /// How many tasks of a kind are done.
    pub fn done(&self, kind: TaskKind) -> usize {
        let tasks = self.tasks(kind).iter();
        tasks.filter(|task| task.winner.is_some()).count()
    }

    /// How many maps and reduces there are, and how many of them are done.
    pub fn counts(&self) -> [TaskCount; 2] {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let now = |kind| (count(self.tasks(kind).len()), count(self.done(kind)));
        let now = || [now(TaskKind::Map), now(TaskKind::Reduce)];
        self.past.unwrap_or_else(now)
    }

    /// Counts what became of an attempt: `TOTAL_LAUNCHED`, `NUM_FAILED`, `NUM_KILLED`.
    pub(super) fn tally(&mut self, what: &str, kind: TaskKind) {
        let kind = match kind {
            TaskKind::Map => "MAPS",
            TaskKind::Reduce => "REDUCES",
        };
        self.tally.add(JOB_COUNTERS, &format!("{what}_{kind}"), 1);
    }

    /// What its tasks counted that are done.
    pub fn counters(&self) -> Counters {
        let mut total = self.total.clone();
        total.merge(&self.tally);
        for counters in self.counted.values() {
            total.merge(counters);
        }
        total
    }

    /// What its tasks of a kind counted that are done; nothing of a job of which no history is left.
    pub fn counters_of(&self, kind: TaskKind) -> Counters {
        let mut total = self.total_by_kind.get(&kind).cloned().unwrap_or_default();
        for (_, counters) in self.counted.iter().filter(|(id, _)| id.kind == kind) {
            total.merge(counters);
        }
        total
    }

    /// What its tasks have counted so far, also those that run: of several attempts, the one that is furthest.
    pub fn counters_so_far(&self) -> Counters {
        let mut total = self.counters();
        if self.state.is_over() {
            return total;
        }
        let mut furthest = BTreeMap::new();
        for (id, record) in self.history.attempts() {
            let best = furthest.entry(id.task).or_insert(record);
            if record.outcome == Outcome::Running && record.progress >= best.progress {
                *best = record;
            }
        }
        for (task, record) in furthest {
            if record.outcome == Outcome::Running && !self.counted.contains_key(&task) {
                total.merge(&record.counters);
            }
        }
        total
    }

    /// What has become of its map outputs, in order.
    pub fn events(&self) -> &[MapEvent] {
        &self.events
    }

    /// How many reduces have not fetched all yet: they are in the first third of their work.
    pub(super) fn shuffling(&self) -> u32 {
        let running = self.reduces.iter().flat_map(|task| task.attempts.values());
        let shuffling = running.filter(|attempt| attempt.progress < 1.0 / 3.0);
        u32::try_from(shuffling.count()).unwrap_or(u32::MAX)
    }

    /// A map for a free slot from which split `i` is `locality(i)` away, if one waits for which it is a good place, and the job takes the slot.
    pub(super) fn next_map(
        &mut self,
        locality: impl Fn(&Split) -> Locality,
        is_good: impl Fn(&Task) -> bool,
        waits: &Waits,
        now: Time,
    ) -> Option<usize> {
        let waiting = self.maps.iter().zip(&self.splits).enumerate();
        let waiting = waiting.filter(|(_, (task, _))| task.is_pending() && is_good(task));
        // Of equally near ones first what has failed before: if it is to fail for good, then soon.
        let nearest = waiting
            .map(|(index, (task, split))| {
                (locality(split), std::cmp::Reverse(task.failures), index)
            })
            .min()?;
        let (locality, _, index) = nearest;
        self.delay.takes(locality, waits, now).then_some(index)
    }

    /// A reduce for a free slot. None begins before `slowstart` in a hundred maps are done: it would only wait.
    pub(super) fn next_reduce(
        &self,
        is_good: impl Fn(&Task) -> bool,
        slowstart: u32,
    ) -> Option<usize> {
        let enough = self.done(TaskKind::Map) * 100
            >= self.maps.len() * usize::try_from(slowstart).unwrap_or(100);
        let mut reduces = self.reduces.iter();
        let waiting = reduces.position(|task| task.is_pending() && is_good(task));
        waiting.filter(|_| enough)
    }

    /// Whether there are second attempts of a kind of task.
    pub(super) fn is_speculative(&self, kind: TaskKind) -> bool {
        self.settings.speculative[usize::from(kind == TaskKind::Reduce)]
    }

    /// A task of which `asking` shall run a second attempt.
    pub(super) fn straggler(
        &self,
        kind: TaskKind,
        asking: WorkerId,
        slots: u32,
        config: &LateConfig,
        now: Time,
    ) -> Option<usize> {
        let running: Vec<Running> = (0..)
            .zip(self.tasks(kind))
            .filter_map(|(index, task)| {
                let first = task.attempts.values().next()?;
                Some(Running {
                    task: index,
                    worker: first.worker,
                    started: first.started,
                    progress: first.progress,
                    speculated: task.attempts.len() > 1,
                })
            })
            .collect();
        let mut speeds: BTreeMap<WorkerId, Speed> = BTreeMap::new();
        let past = self.speeds.iter().filter(|((of, _), _)| *of == kind);
        for ((_, worker), speed) in past {
            speeds.insert(*worker, *speed);
        }
        for task in &running {
            let speed = speeds.entry(task.worker).or_default();
            speed.rates += task.rate(now);
            speed.attempts += 1;
        }
        let mean = |speed: Speed| speed.rates / f64::from(speed.attempts.max(1));
        let speeds = speeds
            .into_iter()
            .map(|(worker, speed)| (worker, mean(speed)));
        let task = late::choose(&running, &speeds.collect(), asking, slots, config, now)?;
        usize::try_from(task).ok()
    }

    /// Remembers how fast an attempt was that is done.
    pub(super) fn note_speed(&mut self, kind: TaskKind, attempt: &Attempt, now: Time) {
        let took = now.since(attempt.started).max(Duration::from_millis(1));
        let speed = self.speeds.entry((kind, attempt.worker)).or_default();
        speed.rates += 1.0 / took.as_secs_f64();
        speed.attempts += 1;
    }
}
