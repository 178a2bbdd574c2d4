//! What the coordinator knows, as the lab looks at it: workers, jobs, tasks and attempts.

use std::collections::BTreeMap;

use mini_mapreduce::coordinator::Coordinator;
use mini_mapreduce::coordinator::delay::Locality;
use mini_mapreduce::coordinator::job::{Job, JobState};
use mini_mapreduce::coordinator::status::Status;
use mini_mapreduce::protocol::{AttemptId, TaskKind, WorkerId};
use serde::{Deserialize, Serialize};

/// So many jobs are told of, the newest.
const JOBS_MAX: usize = 12;
/// Attempts of a coordinator that was started again are numbered from a multiple of this on.
const ATTEMPTS_PER_EPOCH: u64 = 1_000_000;

/// The machines of workers, those that are gone included.
pub(super) type Names = BTreeMap<WorkerId, String>;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The machines whose workers are registered.
    pub(crate) workers: Vec<String>,
    /// By number.
    pub(crate) jobs: BTreeMap<u32, JobReport>,
}

/// A job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobReport {
    pub(crate) program: String,
    pub(crate) output: String,
    /// `running`, `committing`, `succeeded`, `failed`.
    pub(crate) state: String,
    /// Why it failed.
    pub(crate) reason: Option<String>,
    pub(crate) maps: Vec<TaskReport>,
    pub(crate) reduces: Vec<TaskReport>,
    /// How far the reduces' fetching is, from 0 to 1.
    pub(crate) shuffle: f64,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TaskReport {
    /// Those that run and count.
    pub(crate) attempts: Vec<AttemptReport>,
    /// Where the attempt ran whose work counts, and its number.
    pub(crate) done: Option<(String, u64)>,
    /// Whether that was where its input lies, if that is known.
    pub(crate) near: Option<bool>,
    /// How many attempts there were.
    pub(crate) tries: u64,
}

/// An attempt that runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AttemptReport {
    pub(crate) number: u64,
    pub(crate) host: String,
    pub(crate) progress: f64,
    /// Whether it runs where its input lies, if that is known.
    pub(crate) near: Option<bool>,
}

impl Report {
    pub(super) fn of(core: &Coordinator, names: &mut Names) -> Report {
        for worker in core.workers() {
            names.insert(worker.worker, worker.host.clone());
        }
        let all = core.jobs().count();
        let jobs = core.jobs().skip(all.saturating_sub(JOBS_MAX));
        Report {
            workers: core.workers().map(|worker| worker.host.clone()).collect(),
            jobs: jobs
                .map(|job| (job.id.0, JobReport::of(job, names)))
                .collect(),
        }
    }
}

impl JobReport {
    fn of(job: &Job, names: &Names) -> JobReport {
        let (state, reason) = match &job.state {
            JobState::Running => ("running", None),
            JobState::Committing => ("committing", None),
            JobState::Succeeded => ("succeeded", None),
            JobState::Failed { reason } => ("failed", Some(reason.clone())),
        };
        JobReport {
            program: job.spec.program.clone(),
            output: job.spec.output.clone(),
            state: state.to_owned(),
            reason,
            maps: tasks(job, TaskKind::Map, names),
            reduces: tasks(job, TaskKind::Reduce, names),
            shuffle: Status::of(job).shuffle,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "succeeded" | "failed")
    }

    /// How many maps, and how many reduces, are done.
    pub(crate) fn done(&self) -> (usize, usize) {
        let done = |tasks: &[TaskReport]| tasks.iter().filter(|task| task.done.is_some()).count();
        (done(&self.maps), done(&self.reduces))
    }

    /// How many attempts there were beside the first ones.
    pub(crate) fn again(&self) -> u64 {
        let tasks = self.maps.iter().chain(&self.reduces);
        tasks.map(|task| task.tries.saturating_sub(1)).sum()
    }
}

fn tasks(job: &Job, kind: TaskKind, names: &Names) -> Vec<TaskReport> {
    let host = |worker| names.get(&worker).cloned().unwrap_or_default();
    let near = |index, number| {
        let task = job.task_id(kind, index);
        let record = job.history.attempt(AttemptId { task, number })?;
        Some(record.locality? == Locality::Node)
    };
    let tasks = job.tasks(kind).iter().enumerate();
    let told = tasks.map(|(index, task)| TaskReport {
        attempts: (task.attempts.iter())
            .map(|(number, attempt)| AttemptReport {
                number: *number,
                host: host(attempt.worker),
                progress: attempt.progress,
                near: near(index, *number),
            })
            .collect(),
        done: task
            .winner
            .map(|winner| (host(winner.worker), winner.number)),
        near: task.winner.and_then(|winner| near(index, winner.number)),
        tries: task.next % ATTEMPTS_PER_EPOCH,
    });
    told.collect()
}
