//! What whoever drives the core has to do for a job outside of it, with the job's output: set it up, make it visible, or remove what is left of it.
//!
//! Each may fail, and take long: the file system is somewhere else. So the coordinator goes on meanwhile, is told how it went, and asks for it again on
//! a [tick](Coordinator::tick), after a while that doubles, as long as it may do better. A commit that is given up has perhaps made some parts visible;
//! so its job is not over before those are removed.

use std::time::Duration;

use node::Time;

use super::job::JobState;
use super::journal::Record;
use super::{Action, Coordinator};
use crate::protocol::JobId;

/// The first wait before something is tried again.
const BACKOFF_MIN: Duration = Duration::from_secs(1);

/// The longest.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// Why an [`Action`] was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionError {
    /// For those who read of it: what failed, and what to do.
    pub reason: String,
    /// Whether it may do better later: a full disk, a file system that does not answer.
    pub may_pass: bool,
}

/// How far a job is with what is done outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Owed {
    /// The output directory was made.
    pub(super) is_set_up: bool,
    /// Why its commit is given up: what is visible of it is to be removed.
    pub(super) given_up: Option<String>,
    /// How often the present action has failed.
    failures: u32,
    /// When it is asked for again; none while it is under way, or nothing is to be done.
    retry_at: Option<Time>,
}

impl Owed {
    /// Whether something failed, and waits to be tried again.
    pub(super) fn waits(&self) -> bool {
        self.retry_at.is_some()
    }
}

impl Coordinator {
    /// Asks for the next thing that is to be done for a job, if anything is.
    pub(super) fn ask(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else {
            return;
        };
        job.owed.retry_at = None;
        let output = job.spec.output.clone();
        let winners = || job.winners(job.output_kind()).map(|(id, _)| id).collect();
        let action = match (&job.state, &job.owed.given_up) {
            (JobState::Running, _) => Action::SetUp {
                job: id,
                output,
                is_again: true,
            },
            (JobState::Committing, None) => Action::Commit {
                job: id,
                output,
                winners: winners(),
            },
            (JobState::Committing, Some(_)) => Action::Abort {
                job: id,
                output,
                winners: winners(),
            },
            (JobState::Succeeded | JobState::Failed { .. }, _) => return,
        };
        self.actions.push(action);
    }

    /// Whether what has failed is to be tried again, after a while.
    fn try_again(&mut self, id: JobId, error: &ActionError, now: Time) -> bool {
        let tries_max = self.config.commit_attempts_max;
        let Some(job) = self.jobs.get_mut(&id) else {
            return false;
        };
        job.owed.failures += 1;
        let is_tried = error.may_pass && job.owed.failures < tries_max;
        if is_tried {
            let doubled = BACKOFF_MIN * 2_u32.saturating_pow(job.owed.failures.min(16) - 1);
            job.owed.retry_at = Some(now + doubled.min(BACKOFF_MAX));
        }
        is_tried
    }

    /// Time has passed.
    pub(super) fn retry(&mut self, now: Time) {
        let due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let jobs = self.jobs.values();
        let jobs = jobs.filter(|job| !job.state.is_over() && due(job.owed.retry_at));
        let jobs: Vec<JobId> = jobs.map(|job| job.id).collect();
        for job in jobs {
            self.ask(job);
        }
    }

    /// An [`Action::SetUp`] was carried out, or could not be. From then on the job's tasks run.
    pub fn set_up(&mut self, id: JobId, result: Result<(), ActionError>, now: Time) {
        let Some(job) = self.jobs.get_mut(&id).filter(|job| !job.owed.is_set_up) else {
            return;
        };
        match result {
            Ok(()) => {
                job.owed.is_set_up = true;
                job.owed.failures = 0;
                if job.state.is_over() {
                    // It was killed meanwhile.
                    self.abort(id);
                } else {
                    // A job without maps, and so without anything to reduce, is done as it stands.
                    self.settle(id);
                }
            }
            Err(_) if job.state.is_over() => {}
            Err(error) => {
                if !self.try_again(id, &error, now) {
                    // Nothing was made that would have to go, and what is there is another's.
                    self.over(id, Some(error.reason));
                }
            }
        }
    }

    /// An [`Action::Commit`] was carried out: the output is there; or it could not be.
    pub fn committed(&mut self, id: JobId, result: Result<(), ActionError>, now: Time) {
        let job = self.jobs.get_mut(&id);
        let is_asked = |job: &super::Job| job.state == JobState::Committing;
        let Some(job) = job.filter(|job| is_asked(job) && job.owed.given_up.is_none()) else {
            return;
        };
        match result {
            Ok(()) => self.over(id, None),
            Err(error) => {
                let tries = job.owed.failures + 1;
                if !self.try_again(id, &error, now) {
                    let times = if tries > 1 {
                        format!(" (tried {tries} times)")
                    } else {
                        String::new()
                    };
                    self.give_up(id, format!("{}{times}", error.reason));
                }
            }
        }
    }

    /// A commit is tried no more. Its job is over once nothing is visible of it.
    pub(super) fn give_up(&mut self, id: JobId, reason: String) {
        if let Some(job) = self.jobs.get_mut(&id) {
            self.journal.add(&Record::GivenUp {
                job: id,
                reason: reason.clone(),
            });
            job.owed.given_up = Some(reason);
            job.owed.failures = 0;
        }
        self.ask(id);
    }

    /// An [`Action::Abort`] was carried out, or could not be.
    pub fn aborted(&mut self, id: JobId, result: Result<(), ActionError>, now: Time) {
        let job = self.jobs.get_mut(&id);
        let Some(job) = job.filter(|job| job.state == JobState::Committing) else {
            return;
        };
        let Some(reason) = job.owed.given_up.clone() else {
            return;
        };
        match result {
            Ok(()) => self.over(id, Some(reason)),
            Err(error) => {
                if !self.try_again(id, &error, now) {
                    let left = error.reason;
                    self.over(id, Some(format!("{reason}; and {left}: remove it")));
                }
            }
        }
    }

    /// What attempts have left in the output of a job that is over is to be removed.
    pub(super) fn abort(&mut self, id: JobId) {
        if let Some(job) = self.jobs.get(&id) {
            self.actions.push(Action::Abort {
                job: id,
                output: job.spec.output.clone(),
                winners: Vec::new(),
            });
        }
    }
}
