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
mod reports;
mod scheduling;
mod settle;
pub mod status;
pub mod task;

use std::collections::BTreeMap;
use std::time::Duration;

use node::{Disk, DiskError, Time};
use thiserror::Error;

use self::delay::Waits;
use self::job::{Job, JobState};
use self::journal::{Journal, JournalError, Record};
use self::late::LateConfig;
use self::task::Limits;
use crate::counters::Counters;
use crate::job::{JobSpec, Split};
use crate::protocol::{AttemptId, JobId, Registration, TaskKind, WorkerId};

/// How many attempts of a task an epoch has room for in its numbers.
const ATTEMPTS_PER_EPOCH: u64 = 1_000_000;

/// How many jobs that are over a journal keeps.
const JOBS_KEPT: usize = 100;

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
    /// After how many failed attempts of a job a worker gets no more of it (`mapreduce.job.maxtaskfailures.per.tracker`).
    pub worker_failures_max: u32,
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
            worker_failures_max: 3,
        }
    }
}

/// A job that is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubmitError {
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
    /// Make the output of these attempts visible ([`commit::plan`]), then say so: [`Coordinator::committed`].
    Commit {
        /// The job.
        job: JobId,
        /// Its output directory.
        output: String,
        /// Whose parts.
        winners: Vec<AttemptId>,
    },
    /// Remove what attempts have left in the output directory of a job that failed.
    Abort {
        /// The job.
        job: JobId,
        /// Its output directory.
        output: String,
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
    actions: Vec<Action>,
}

impl Coordinator {
    /// Goes on where the journal ends, or begins where there is none.
    ///
    /// # Errors
    /// When the journal is damaged, or cannot be read or written.
    pub fn open(
        config: Config,
        disk: &mut dyn Disk,
        now: Time,
    ) -> Result<Coordinator, JournalError> {
        let records = Journal::read(disk)?;
        let epochs = records.iter().filter_map(|record| match record {
            Record::Epoch(epoch) => Some(*epoch),
            _ => None,
        });
        let epoch = epochs.max().map_or(0, |epoch| epoch + 1);
        let mut kept = vec![Record::Epoch(epoch)];
        kept.extend(still_of_use(records));
        let mut coordinator = Coordinator {
            config,
            epoch,
            now,
            workers: BTreeMap::new(),
            jobs: BTreeMap::new(),
            journal: Journal::create(disk, &kept)?,
            actions: Vec::new(),
        };
        for record in kept {
            coordinator.replay(record, now);
        }
        let jobs: Vec<JobId> = coordinator.jobs.keys().copied().collect();
        for job in jobs {
            coordinator.settle(job);
        }
        Ok(coordinator)
    }

    fn replay(&mut self, record: Record, now: Time) {
        match record {
            Record::Epoch(_) => {}
            Record::Submitted {
                job,
                token,
                spec,
                splits,
            } => {
                let first = u64::from(self.epoch) * ATTEMPTS_PER_EPOCH;
                let taken = Job::new(job, token, spec, splits, first);
                self.jobs.insert(job, taken);
            }
            Record::Done {
                attempt,
                worker,
                address,
                counters,
            } => {
                self.set_done(attempt, worker, &address, counters);
                let heard = now;
                self.workers.entry(worker).or_insert_with(|| Worker {
                    registration: Registration {
                        worker,
                        address,
                        host: String::new(),
                        rack: String::new(),
                        map_slots: 0,
                        reduce_slots: 0,
                        outputs: Vec::new(),
                    },
                    heard,
                    sequence: 0,
                    is_here: false,
                });
            }
            Record::Lost { attempt } => {
                self.set_lost(attempt);
            }
            Record::Failed { attempt } => {
                let job = self.jobs.get_mut(&attempt.task.job);
                if let Some(task) = job.and_then(|job| job.task_mut(attempt.task)) {
                    task.failures += 1;
                }
            }
            Record::Over {
                job,
                error,
                counters,
            } => self.set_over(job, error, counters),
        }
    }

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
        let last = self.jobs.keys().next_back();
        let id = JobId(last.map_or(1, |last| last.0 + 1));
        self.journal.add(&Record::Submitted {
            job: id,
            token,
            spec: spec.clone(),
            splits: splits.clone(),
        });
        let first = u64::from(self.epoch) * ATTEMPTS_PER_EPOCH;
        let mut job = Job::new(id, token, spec, splits, first);
        job.submitted = Some(self.now);
        self.jobs.insert(id, job);
        // A job without maps, and so without anything to reduce, is done as it stands.
        self.settle(id);
        Ok(id)
    }

    /// Ends a job that is not over: it has failed, because of `reason`. False if there is none, or it is over, or about to be.
    pub fn kill_job(&mut self, job: JobId, reason: &str) -> bool {
        let job = self.jobs.get(&job);
        let Some(job) = job.filter(|job| job.state == JobState::Running) else {
            return false;
        };
        self.fail_job(job.id, reason.to_owned());
        true
    }

    /// It is that late now, for what is remembered of jobs. Calls that are handed the time say so themselves.
    pub fn set_now(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// Makes everything durable that was decided so far. Before that, nobody may hear of it.
    ///
    /// # Errors
    /// When the disk fails: the process must end, since nobody knows what is in the journal.
    pub fn flush(&mut self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        self.journal.flush(disk)
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

    fn set_over(&mut self, job: JobId, error: Option<String>, counters: Counters) {
        let Some(job) = self.jobs.get_mut(&job) else {
            return;
        };
        job.history.kill_all("the job is over", self.now);
        job.state = match error {
            Some(reason) => JobState::Failed { reason },
            None => JobState::Succeeded,
        };
        for task in job.maps.iter_mut().chain(&mut job.reduces) {
            task.attempts.clear();
        }
        for kind in [TaskKind::Map, TaskKind::Reduce] {
            job.total_by_kind.insert(kind, job.counters_of(kind));
        }
        job.counted.clear();
        job.total = counters;
    }
}

/// What a new journal has to hold: of jobs that are over the beginning and the end, and of the newest alone.
fn still_of_use(records: Vec<Record>) -> Vec<Record> {
    let over = |record: &Record| match record {
        Record::Over { job, .. } => Some(*job),
        _ => None,
    };
    let over: Vec<JobId> = records.iter().filter_map(over).collect();
    let forgotten = &over[..over.len().saturating_sub(JOBS_KEPT)];
    let of_use = |record: &Record| match record {
        Record::Epoch(_) => false,
        Record::Submitted { job, .. } | Record::Over { job, .. } => !forgotten.contains(job),
        Record::Done { attempt, .. } | Record::Lost { attempt } | Record::Failed { attempt } => {
            !over.contains(&attempt.task.job)
        }
    };
    records.into_iter().filter(of_use).collect()
}
