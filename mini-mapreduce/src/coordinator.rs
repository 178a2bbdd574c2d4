//! The coordinator's decisions: who does which task when, and whose work counts (MRv1's JobTracker; `MRAppMaster`).
//!
//! Workers call: they [register](Coordinator::register) once, and then send [heartbeats](Coordinator::heartbeat) that name all that they have under way.
//! Each answer says what to do next. Whoever drives the core also calls [`tick`](Coordinator::tick), a few times a second, for what comes of silence.
//!
//! What is decided goes into the [journal], which is to be [flushed](Coordinator::flush) before an answer leaves and before
//! [actions](Coordinator::take_actions) are carried out. So a coordinator that is [opened](Coordinator::open) on the journal of a dead one goes on where that
//! one was: whose work counted counts still, and maps that are done are not run again while the workers that have their outputs live. Attempts that were
//! running count no more; where workers are is learnt anew.
//!
//! - [`task`]: what an attempt is, and when it counts. All else rests on that.
//! - [`delay`]: which map for which worker.
//! - [`late`]: when a second attempt is worth a slot.
//! - [`fetch_failures`]: when a map that was done is to be done again.
//! - [`commit`]: how the output becomes visible.
//! - [`history`]: what is remembered of attempts, for whoever looks on.

pub mod commit;
pub mod delay;
pub mod fetch_failures;
pub mod history;
pub mod job;
pub mod journal;
pub mod late;
pub mod owed;
mod reports;
mod resume;
mod scheduling;
mod settle;
pub mod status;
pub mod task;

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;
use thiserror::Error;

use self::delay::Waits;
use self::job::{Job, JobState, TaskSettings};
use self::journal::{Journal, Record};
use self::late::LateConfig;
use self::task::Limits;
use crate::job::{JobSpec, Split};
use crate::protocol::{AttemptId, JobId, Registration, TaskKind, WorkerId};

/// How many attempts of a task an epoch has room for in its numbers.
const ATTEMPTS_PER_EPOCH: u64 = 1_000_000;

/// Settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long a worker may be silent. Then it is lost, with all map outputs that it holds.
    pub worker_timeout: Duration,
    /// When attempts end against their will.
    pub limits: Limits,
    /// How long jobs wait for slots near their data.
    pub waits: Waits,
    /// Whether there are second attempts (`mapreduce.map.speculative`, `mapreduce.reduce.speculative`).
    pub speculative: bool,
    /// When a second attempt is worth a slot.
    pub late: LateConfig,
    /// How many in a hundred maps are done before reduces begin to fetch (`mapreduce.job.reduce.slowstart.completedmaps`).
    pub slowstart_percent: u32,
    /// How often a commit, or what else is to be done with a job's output, is tried (`mapreduce.fileoutputcommitter.failures.attempts`). With ten, for four
    /// minutes.
    pub commit_attempts_max: u32,
    /// After how many failed attempts of a job a worker gets no more of it (`mapreduce.job.maxtaskfailures.per.tracker`).
    pub worker_failures_max: u32,
    /// How many jobs that are over are remembered, at least the newest (`mapred.jobtracker.completeuserjobs.maximum`).
    pub jobs_kept: usize,
    /// How many bytes the journal grows by, at least, before it is written anew with what is still of use.
    pub journal_slack: u64,
    /// The largest job that is taken, in bytes of its record in the journal.
    pub job_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Config {
        let worker_timeout = Duration::from_secs(10);
        Config {
            worker_timeout,
            limits: Limits {
                lease: worker_timeout,
                stuck: Duration::from_secs(600),
                attempts_max: 4,
            },
            waits: Waits {
                node: Duration::from_secs(3),
                rack: Duration::from_secs(3),
            },
            speculative: true,
            late: LateConfig::default(),
            slowstart_percent: 5,
            commit_attempts_max: 10,
            worker_failures_max: 3,
            jobs_kept: 100,
            journal_slack: 16 << 20,
            job_bytes_max: journal::PAYLOAD_LEN_MAX,
        }
    }
}

/// A job that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// A setting is not what it has to be.
    #[error("{0}")]
    Setting(String),
    /// It does not fit into the journal.
    #[error(
        "the job's description with its {splits} splits takes {bytes} bytes, and {most} is the most: \
         make larger splits (mapreduce.input.fileinputformat.split.minsize), or several jobs"
    )]
    TooLarge {
        /// How many splits it has.
        splits: usize,
        /// What it would take, in bytes.
        bytes: usize,
        /// What may be, in bytes.
        most: usize,
    },
    /// Another one is about to write there.
    #[error("{job} writes to {output} and is not over; choose another directory, or wait")]
    OutputInUse {
        /// The directory.
        output: String,
        /// Who writes there.
        job: JobId,
    },
}

/// The worker must register: the coordinator does not know it, or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} is not registered")]
pub struct Unknown(pub WorkerId);

/// What whoever drives the core has to do, once the journal is flushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make the output directory, which is not to be there yet, then say so: [`Coordinator::set_up`]. Before that no task of the job runs.
    SetUp {
        /// The job.
        job: JobId,
        /// Its output directory.
        output: String,
        /// Whether it was asked for before, by this coordinator or an earlier one: then it may be there.
        is_again: bool,
    },
    /// Make the output of these attempts visible ([`commit::plan`]), then say so: [`Coordinator::committed`].
    Commit {
        /// The job.
        job: JobId,
        /// Its output directory.
        output: String,
        /// Whose parts.
        winners: Vec<AttemptId>,
    },
    /// Remove what attempts have left in the output directory of a job that failed, and what of these ones' parts is visible ([`commit::undo`]); then say so:
    /// [`Coordinator::aborted`].
    Abort {
        /// The job.
        job: JobId,
        /// Its output directory.
        output: String,
        /// Whose parts may be visible.
        winners: Vec<AttemptId>,
    },
}

/// A worker, as far as it is known.
#[derive(Clone, Debug)]
struct Worker {
    registration: Registration,
    /// When it last said anything. For one that only the journal knows: when that was read.
    heard: Time,
    /// Its newest report.
    sequence: u64,
    /// Whether it has registered in this epoch. Until then it is only waited for, since it has map outputs.
    is_here: bool,
}

/// The coordinator.
#[derive(Debug)]
pub struct Coordinator {
    config: Config,
    epoch: u32,
    /// The newest time that it was told.
    now: Time,
    workers: BTreeMap<WorkerId, Worker>,
    jobs: BTreeMap<JobId, Job>,
    journal: Journal,
    /// The jobs whose histories are to be written.
    ended: Vec<JobId>,
    actions: Vec<Action>,
}

impl Coordinator {
    /// Takes a job: `splits` are its maps. A client that did not hear the answer may ask again with the same `token`, and gets the same job.
    ///
    /// # Errors
    /// When a job that is not over writes to the same place.
    pub fn submit(
        &mut self,
        token: u64,
        spec: JobSpec,
        splits: Vec<Split>,
    ) -> Result<JobId, SubmitError> {
        if let Some(job) = self.jobs.values().find(|job| job.token == token) {
            return Ok(job.id);
        }
        let same = |job: &&Job| !job.state.is_over() && job.spec.output == spec.output;
        if let Some(job) = self.jobs.values().find(same) {
            return Err(SubmitError::OutputInUse {
                output: spec.output,
                job: job.id,
            });
        }
        TaskSettings::of(&spec).map_err(|error| SubmitError::Setting(error.to_string()))?;
        let last = self.jobs.keys().next_back();
        let id = JobId(last.map_or(1, |last| last.0 + 1));
        let record = Record::Submitted {
            job: id,
            token,
            spec: spec.clone(),
            splits: splits.clone(),
        };
        let (bytes, most) = (journal::payload_len(&record), self.config.job_bytes_max);
        if bytes > most {
            let splits = splits.len();
            return Err(SubmitError::TooLarge {
                splits,
                bytes,
                most,
            });
        }
        self.journal.add(&record);
        let first = u64::from(self.epoch) * ATTEMPTS_PER_EPOCH;
        let mut job = Job::new(id, token, spec, splits, first);
        job.submitted = Some(self.now);
        self.actions.push(Action::SetUp {
            job: id,
            output: job.spec.output.clone(),
            is_again: false,
        });
        self.jobs.insert(id, job);
        Ok(id)
    }

    /// Ends a job that is not over: it has failed, because of `reason`. False if there is none, or it is over, or is being committed just now.
    pub fn kill_job(&mut self, id: JobId, reason: &str) -> bool {
        let Some(job) = self.jobs.get(&id) else {
            return false;
        };
        match job.state {
            JobState::Running => self.fail_job(id, reason.to_owned()),
            JobState::Committing if job.owed.waits() => self.give_up(id, reason.to_owned()),
            _ => return false,
        }
        true
    }

    /// It is that late now, for what is remembered of jobs. Calls that are handed the time say so themselves.
    pub fn set_now(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Whether anything waits to be flushed.
    pub fn is_unwritten(&self) -> bool {
        self.journal.is_unwritten()
    }

    /// What is to be done now, each once.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// A job, over or not.
    pub fn job(&self, job: JobId) -> Option<&Job> {
        self.jobs.get(&job)
    }

    /// All jobs that are remembered.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    /// The workers that are registered.
    pub fn workers(&self) -> impl Iterator<Item = &Registration> {
        let here = self.workers.values().filter(|worker| worker.is_here);
        here.map(|worker| &worker.registration)
    }

    /// How many slots of a kind a worker has, and in how many of them attempts run; and when it was last heard.
    pub fn load(&self, worker: WorkerId, kind: TaskKind) -> Option<(u32, usize, Time)> {
        let known = self.workers.get(&worker)?;
        let busy = self.attempts_on(worker).filter(|id| id.task.kind == kind);
        Some((known.registration.slots(kind), busy.count(), known.heard))
    }

    /// How often a coordinator has begun on this journal, before this time.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }
}
