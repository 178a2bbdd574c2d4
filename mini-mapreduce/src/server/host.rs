//! A coordinator at work: its core under a lock, its journal, and what it owes: what was decided is durable before an answer leaves.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use node::{Disk, DiskError, Time};
use thiserror::Error;
use tracing::{Span, info_span};

use super::files::FileSystems;
use super::metrics::Metrics;
use super::output::OutputDir;
use super::programs;
use crate::coordinator::job::{Job, JobState, speculative};
use crate::coordinator::journal::JournalError;
use crate::coordinator::{Action, Config, Coordinator, SubmitError, Unknown};
use crate::input::splits;
use crate::job::{JobError, JobSpec};
use crate::jobs;
use crate::map_output::SpillSettings;
use crate::protocol::{AttemptId, JobId, Registration, Reply, Report, TaskKind};

/// The setting of a job that says which trace it belongs to, as W3C's header of that name does.
pub(super) const TRACEPARENT: &str = "mapreduce.job.traceparent";

/// A job that is not taken.
#[derive(Debug, Error)]
pub enum HostError {
    /// Its description is wrong, or its input cannot be read.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Its output is another's.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Its output cannot be made.
    #[error("{0}")]
    Output(String),
    /// The journal cannot be written: the coordinator ends.
    #[error(
        "the journal cannot be written: {0}; start the coordinator again once its disk is good"
    )]
    Journal(#[from] DiskError),
}

struct State {
    core: Coordinator,
    disk: Box<dyn Disk + Send>,
    /// Why the journal is no good any more.
    broken: Option<DiskError>,
}

/// A coordinator.
pub struct Host {
    state: Mutex<State>,
    /// A worker has reported, or a commit is done.
    changed: Condvar,
    files: FileSystems,
    /// The wall clock is read once; what the monotonic clock measured since is added.
    began_at: Time,
    began: Instant,
    metrics: Metrics,
}

impl Host {
    /// Goes on where the journal on `disk` ends.
    ///
    /// # Errors
    /// When that is damaged, or cannot be read or written.
    pub fn open(
        config: Config,
        mut disk: Box<dyn Disk + Send>,
        files: FileSystems,
    ) -> Result<Host, JournalError> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let began_at = Time::ZERO + wall.unwrap_or(Duration::ZERO);
        let core = Coordinator::open(config, disk.as_mut(), began_at)?;
        let broken = None;
        Ok(Host {
            state: Mutex::new(State { core, disk, broken }),
            changed: Condvar::new(),
            files,
            began_at,
            began: Instant::now(),
            metrics: Metrics::of_coordinator(),
        })
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.began_at + self.began.elapsed()
    }

    /// When it began.
    pub fn began_at(&self) -> Time {
        self.began_at
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `decide` decide something, makes that durable, and then does what is to be done.
    fn with<T>(&self, decide: impl FnOnce(&mut Coordinator, Time) -> T) -> Result<T, DiskError> {
        let now = self.now();
        let mut state = self.state();
        let State { core, disk, broken } = &mut *state;
        if let Some(error) = broken {
            return Err(error.clone());
        }
        core.set_now(now);
        let decided = decide(core, now);
        let (is_unwritten, begun) = (core.is_unwritten(), Instant::now());
        let span = is_unwritten.then(|| traces::within(|| info_span!("journal_sync")).entered());
        let flushed = core.flush(disk.as_mut());
        drop(span);
        if is_unwritten {
            self.metrics.journal_sync(begun.elapsed());
        }
        if let Err(error) = flushed {
            *broken = Some(error.clone());
            return Err(error);
        }
        let actions = core.take_actions();
        drop(state);
        self.changed.notify_all();
        for action in actions {
            self.carry_out(action)?;
        }
        Ok(decided)
    }

    fn carry_out(&self, action: Action) -> Result<(), DiskError> {
        match action {
            Action::Commit {
                job,
                output,
                winners,
            } => {
                let trace = self.look(|core| Some(trace_of(&core.job(job)?.spec).to_owned()));
                let span = || info_span!("commit", %job);
                let _committing = continued(trace.as_deref().unwrap_or(""), span).entered();
                let opened = OutputDir::open(&self.files, &output);
                let committed = opened.and_then(|output| output.commit(&winners));
                let committed = committed.map_err(|e| format!("cannot commit {output}: {e}"));
                self.with(|core, _| core.committed(job, committed))
            }
            Action::Abort { output, .. } => {
                // It is in nobody's way but his who looks there.
                let _ = OutputDir::open(&self.files, &output).and_then(|output| output.abort());
                Ok(())
            }
        }
    }

    /// Takes a job, under the client's own number for it.
    ///
    /// # Errors
    /// Where it is not taken.
    pub fn submit(&self, token: u64, mut spec: JobSpec) -> Result<JobId, HostError> {
        let known = self.with(|core, _| {
            let mut jobs = core.jobs();
            jobs.find(|job| job.token == token).map(|job| job.id)
        });
        if let Some(job) = known? {
            return Ok(job);
        }
        // What every task would fail for.
        SpillSettings::of(&spec)?;
        let files = &self.files;
        jobs::prepare(&mut spec, files)?;
        let program = programs::program(&spec, || None)?;
        for kind in [TaskKind::Map, TaskKind::Reduce] {
            spec.settings.parse(speculative(kind), true)?;
        }
        // Whoever runs a task of it goes on with the trace of whoever wanted it.
        if let Some(traceparent) = traces::traceparent() {
            spec.settings.0.insert(TRACEPARENT.to_owned(), traceparent);
        }
        let splits = splits(program.input(), &spec, files)?;
        let output = OutputDir::create(files, &spec.output)
            .map_err(|error| HostError::Output(format!("cannot make the output: {error}")))?;
        match self.with(|core, _| core.submit(token, spec, splits)) {
            Ok(Ok(job)) => Ok(job),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => {
                let _ = output.abort();
                Err(error.into())
            }
        }
    }

    /// A worker registers.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn register(&self, registration: Registration) -> Result<Vec<AttemptId>, DiskError> {
        self.with(|core, now| core.register(registration, now))
    }

    /// A worker reports.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn heartbeat(&self, report: &Report) -> Result<Result<Reply, Unknown>, DiskError> {
        self.with(|core, now| core.heartbeat(report, now))
    }

    /// Time has passed.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn tick(&self) -> Result<(), DiskError> {
        self.metrics.upkeep();
        self.with(|core, now| core.tick(now))
    }

    /// Ends a job. False where there is nothing to end.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn kill(&self, job: JobId, reason: &str) -> Result<bool, DiskError> {
        self.with(|core, _| core.kill_job(job, reason))
    }

    /// What Prometheus reads.
    pub fn render_metrics(&self) -> String {
        let now = self.now();
        self.look(|core| self.metrics.render_coordinator(core, now))
    }

    /// Looks at the core.
    pub fn look<T>(&self, look: impl FnOnce(&Coordinator) -> T) -> T {
        look(&self.state().core)
    }

    /// Waits until a job is over, and lets `watch` look at it now and then.
    ///
    /// # Errors
    /// The reason why the job failed, or none can be known any more.
    pub fn wait(
        &self,
        id: JobId,
        every: Duration,
        mut watch: impl FnMut(&Job),
    ) -> Result<Job, String> {
        loop {
            let state = self.state();
            let Some(job) = state.core.job(id) else {
                return Err(format!("{id} is not known"));
            };
            watch(job);
            match &job.state {
                JobState::Succeeded => return Ok(job.clone()),
                JobState::Failed { reason } => return Err(reason.clone()),
                JobState::Running | JobState::Committing => {}
            }
            if let Some(error) = &state.broken {
                return Err(error.to_string());
            }
            let is_open = |state: &mut State| {
                let job = state.core.job(id);
                job.is_some_and(|job| !job.state.is_over()) && state.broken.is_none()
            };
            drop(self.changed.wait_timeout_while(state, every, is_open));
        }
    }
}

/// The trace that a job belongs to; empty if it belongs to none.
pub(super) fn trace_of(spec: &JobSpec) -> &str {
    spec.settings.0.get(TRACEPARENT).map_or("", String::as_str)
}

/// A span of a trace; none where there is none.
pub(super) fn continued(trace: &str, span: impl FnOnce() -> Span) -> Span {
    if trace.is_empty() {
        return Span::none();
    }
    traces::continued(span(), trace)
}
