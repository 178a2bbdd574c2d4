//! What coordinator and workers say to each other, as plain types (MRv1's `InterTrackerProtocol`).
//!
//! Workers call, the coordinator answers; it never dials a worker. A [`Report`] says *everything* that a worker has under way, so one that is
//! lost, doubled or late does no harm: the next one says it all again, and what the worker should have and does not name is
//! ordered again. Names look as Hadoop's do: `attempt_0001_m_000003_0`.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::counters::Counters;
use crate::job::{JobSpec, Split};

/// One life of a worker: drawn at random when it starts, so that a restarted worker is another one, with nothing left of the former.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WorkerId(pub u64);

impl Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker_{:016x}", self.0)
    }
}

/// A job. Counted from 1, never used twice by a coordinator's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u32);

impl Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job_{:04}", self.0)
    }
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaskKind {
    /// Reads a split, writes a sorted segment for each partition.
    Map,
    /// Fetches its partition's segment of every map, merges them, writes a part of the output.
    Reduce,
}

impl TaskKind {
    /// `m` or `r`, as in the names of Hadoop's files.
    pub fn letter(self) -> char {
        match self {
            TaskKind::Map => 'm',
            TaskKind::Reduce => 'r',
        }
    }
}

/// A task: a map of one split, or the reduce of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskId {
    /// Its job.
    pub job: JobId,
    /// What it does.
    pub kind: TaskKind,
    /// The number of its split, or its partition.
    pub index: u32,
}

impl Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = self.kind.letter();
        write!(f, "task_{:04}_{letter}_{:06}", self.job.0, self.index)
    }
}

/// One try at a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AttemptId {
    /// The task.
    pub task: TaskId,
    /// Never used twice for a task, restarts of the coordinator included.
    pub number: u64,
}

impl Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (task, letter) = (self.task, self.task.kind.letter());
        write!(
            f,
            "attempt_{:04}_{letter}_{:06}_{}",
            task.job.0, task.index, self.number
        )
    }
}

/// A worker's first word, and its word after the coordinator has said that it does not know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Who.
    pub worker: WorkerId,
    /// Where its map outputs are fetched, `host:port`.
    pub address: String,
    /// The machine, as splits name it.
    pub host: String,
    /// Where the machine stands, `/rack1`.
    pub rack: String,
    /// How many maps run at once.
    pub map_slots: u32,
    /// How many reduces run at once. Slots of their own, so that reduces that wait for a lost map's output never keep that map from
    /// running again.
    pub reduce_slots: u32,
    /// The map outputs that it holds.
    pub outputs: Vec<AttemptId>,
}

impl Registration {
    /// How many tasks of a kind run at once.
    pub fn slots(&self, kind: TaskKind) -> u32 {
        match kind {
            TaskKind::Map => self.map_slots,
            TaskKind::Reduce => self.reduce_slots,
        }
    }
}

/// How an attempt fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AttemptState {
    /// It runs.
    Running {
        /// From 0 to 1. A reduce's: a third each for fetching, merging and reducing.
        progress: f64,
        /// What it has counted so far.
        counters: Counters,
        /// How many signs of life it has given: a record read, a pair written, or a wait for others (`Reporter.progress()`). How far a task is may not be
        /// known for long, of a compressed file for one; whether it lives is.
        ticks: u64,
    },
    /// All that it makes is there, whole: a map's output on the worker, a reduce's under the job's `_temporary`.
    Done {
        /// What it counted.
        counters: Counters,
    },
    /// It failed by its own fault.
    Failed {
        /// Why, and where: split, position.
        reason: String,
    },
    /// It could not get what it needs; nobody can say whose fault that is, so it is none of the task's.
    GivenUp {
        /// Why.
        reason: String,
    },
}

/// An attempt, and how it fares. Said again in every report until the answer to one has settled it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptReport {
    /// Which.
    pub attempt: AttemptId,
    /// How.
    pub state: AttemptState,
}

/// A reduce could not fetch a map's output, or what it fetched was damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchFailure {
    /// Who wanted it.
    pub reduce: AttemptId,
    /// Whose output.
    pub map: AttemptId,
    /// How often it failed so far. A total: a report that comes twice counts once.
    pub failures: u32,
}

/// A heartbeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Who.
    pub worker: WorkerId,
    /// Counts up, from 1.
    pub sequence: u64,
    /// Every attempt that is not settled.
    pub attempts: Vec<AttemptReport>,
    /// What could not be fetched, for the reduces that run.
    pub fetch_failures: Vec<FetchFailure>,
    /// The jobs of which it holds anything, and how many of each one's [events](MapEvent) it knows.
    pub jobs: BTreeMap<JobId, u64>,
}

/// Where a map's output is to be had, or no longer (`TaskCompletionEvent`). A job's events are a list that only grows, so a worker says how
/// many it knows and is told the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapEvent {
    /// This attempt's output counts.
    Done {
        /// Which.
        attempt: AttemptId,
        /// Where it is served.
        address: String,
    },
    /// That attempt's output does not count any more (`OBSOLETE`).
    Lost {
        /// Which.
        attempt: AttemptId,
    },
}

/// What a worker shall do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// Run a map.
    RunMap {
        /// Which.
        attempt: AttemptId,
        /// Of which job.
        spec: JobSpec,
        /// What to read.
        split: Split,
    },
    /// Run a reduce.
    RunReduce {
        /// Which.
        attempt: AttemptId,
        /// Of which job.
        spec: JobSpec,
        /// How many maps it has to hear of.
        maps: u32,
    },
    /// The attempt counts for nothing: stop it, remove what it made, report it no more.
    Kill(AttemptId),
    /// What the attempt made counts, whatever comes: keep it, report it no more.
    Accept(AttemptId),
    /// The job is over: remove all that is left of it.
    Forget(JobId),
}

/// The answer to a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The report that is answered. A worker acts upon the answer to its newest one alone.
    pub sequence: u64,
    /// In this order.
    pub orders: Vec<Order>,
    /// For each job that the report named, the events that it did not know.
    pub events: BTreeMap<JobId, Vec<MapEvent>>,
}
