//! A coordinator at work: its core under a lock, its journal, and what it owes: what was decided is durable before an answer leaves.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use node::{Disk, DiskError, Time};
use thiserror::Error;
use tokio::sync::watch;
use tracing::{Span, info_span};

use super::files::{FileSystems, Layout, tables};
use super::metrics::Metrics;
use super::output::{self, OutputDir};
use super::programs;
use crate::coordinator::commit::MissingPart;
use crate::coordinator::job::{Job, JobState};
use crate::coordinator::journal::JournalError;
use crate::coordinator::owed::ActionError;
use crate::coordinator::{Action, Config, Coordinator, SubmitError, Unknown};
use crate::input::splits;
use crate::job::{JobError, JobSpec};
use crate::jobs;
use crate::map_output::SpillSettings;
use crate::protocol::{AttemptId, JobId, Registration, Reply, Report};

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
    #[error("cannot make the output: {0}")]
    Output(io::Error),
    /// It was over before its first task ran: its output could not be made, or somebody has killed it.
    #[error("{0}")]
    Failed(String),
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
    /// How many actions are being carried out.
    under_way: usize,
}

/// A coordinator.
pub struct Host {
    me: Weak<Host>,
    state: Mutex<State>,
    /// A worker has reported, or a commit is done.
    changed: Condvar,
    /// Something was decided that workers may have to know.
    decisions: watch::Sender<()>,
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
    ) -> Result<Arc<Host>, JournalError> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let began_at = Time::ZERO + wall.unwrap_or(Duration::ZERO);
        let core = Coordinator::open(config, disk.as_mut(), began_at)?;
        let (broken, under_way) = (None, 0);
        let host = Arc::new_cyclic(|me| Host {
            me: me.clone(),
            state: Mutex::new(State {
                core,
                disk,
                broken,
                under_way,
            }),
            changed: Condvar::new(),
            decisions: watch::Sender::new(()),
            files,
            began_at,
            began: Instant::now(),
            metrics: Metrics::of_coordinator(),
        });
        // What an earlier one has left undone.
        host.with(|_, _| ())?;
        Ok(host)
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.began_at + self.began.elapsed()
    }

    /// When it began.
    pub fn began_at(&self) -> Time {
        self.began_at
    }

    /// Hears whenever something was decided that workers may have to know: who reports at once need not wait for the next heartbeat.
    pub(super) fn decisions(&self) -> watch::Receiver<()> {
        self.decisions.subscribe()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `decide` decide something, makes that durable, and then has done what is to be done.
    fn with<T>(&self, decide: impl FnOnce(&mut Coordinator, Time) -> T) -> Result<T, DiskError> {
        let now = self.now();
        let mut state = self.state();
        let State {
            core,
            disk,
            broken,
            under_way,
        } = &mut *state;
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
            self.changed.notify_all();
            return Err(error);
        }
        let actions = core.take_actions();
        *under_way += actions.len();
        drop(state);
        self.changed.notify_all();
        if is_unwritten {
            self.decisions.send_replace(());
        }
        for action in actions {
            self.begin(action);
        }
        Ok(decided)
    }

    /// Has an action carried out on a thread of its own: nobody may have to wait for a file system whom it does not concern.
    fn begin(&self, action: Action) {
        let Some(host) = self.me.upgrade() else {
            return;
        };
        let named = std::thread::Builder::new().name("commit".to_owned());
        let again = action.clone();
        if let Err(error) = named.spawn(move || host.carry_out(action)) {
            self.carried_out(again, Err(error));
        }
    }

    /// Waits until nothing is being done any more with the output of jobs, such as removing what one that has failed has left; not for ever.
    pub(super) fn wait_for_actions(&self, at_most: Duration) {
        let is_busy = |state: &mut State| state.under_way > 0;
        drop(
            self.changed
                .wait_timeout_while(self.state(), at_most, is_busy),
        );
    }

    fn carry_out(&self, action: Action) {
        let span = match &action {
            Action::Commit { job, .. } => {
                let trace = self.look(|core| Some(trace_of(&core.job(*job)?.spec).to_owned()));
                let trace = trace.ok().flatten().unwrap_or_default();
                continued(&trace, || info_span!("commit", %job))
            }
            _ => Span::none(),
        };
        let _committing = span.entered();
        let result = match &action {
            Action::SetUp {
                output, is_again, ..
            } => match OutputDir::create(&self.files, output) {
                Err(error) if *is_again && error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                created => created.map(drop),
            },
            Action::Commit {
                output, winners, ..
            } => OutputDir::open(&self.files, output).and_then(|output| output.commit(winners)),
            Action::Abort {
                output, winners, ..
            } => OutputDir::open(&self.files, output).and_then(|output| output.abort(winners)),
        };
        self.carried_out(action, result);
    }

    /// Tells the core. Where the journal is no good any more, the process ends, and the next one asks for it again.
    fn carried_out(&self, action: Action, result: io::Result<()>) {
        let failed = |what: &str, output: &str| {
            result.map_err(|error| ActionError {
                may_pass: may_pass(&error),
                reason: format!("cannot {what} {output}: {error}"),
            })
        };
        let _ = match action {
            Action::SetUp {
                job,
                output,
                is_again,
            } => {
                let mut result = failed("make the output", &output);
                if let (Err(error), false) = (&mut result, is_again) {
                    // Whoever submits it waits for the answer.
                    error.may_pass = false;
                }
                self.with(|core, now| core.set_up(job, result, now))
            }
            Action::Commit { job, output, .. } => {
                let result = failed("commit", &output);
                self.with(|core, now| core.committed(job, result, now))
            }
            Action::Abort { job, output, .. } => {
                let result = failed("remove what was made of", &output);
                self.with(|core, now| core.aborted(job, result, now))
            }
        };
        self.state().under_way -= 1;
        self.changed.notify_all();
        // That an output was made is not in the journal, and tasks wait for it.
        self.decisions.send_replace(());
    }

    /// Takes a job, under the client's own number for it.
    ///
    /// # Errors
    /// Where it is not taken.
    pub fn submit(&self, token: u64, mut spec: JobSpec) -> Result<JobId, HostError> {
        if let Some(job) = self.with_token(token)? {
            return self.is_set_up(job);
        }
        // What every task would fail for.
        SpillSettings::of(&spec)?;
        Layout::of(&spec.settings)?;
        let files = &self.files;
        jobs::prepare(&mut spec, files)?;
        let program = programs::program(&spec, || None)?;
        tables::check(&spec, program.output())?;
        // Whoever runs a task of it goes on with the trace of whoever wanted it.
        if let Some(traceparent) = traces::traceparent() {
            spec.settings.0.insert(TRACEPARENT.to_owned(), traceparent);
        }
        let splits = splits(program.input(), &spec, files)?;
        // Before anything is written down of it. It is made once that is durable: a client that asks again must not find its own.
        if let Err(error) = output::check_is_new(files, &spec.output) {
            // Perhaps it is the job's own by now: its client has asked twice.
            let job = self.with_token(token)?;
            return self.is_set_up(job.ok_or(HostError::Output(error))?);
        }
        let job = self.with(|core, _| core.submit(token, spec, splits))??;
        self.is_set_up(job)
    }

    /// The job that a client knows by its own number.
    fn with_token(&self, token: u64) -> Result<Option<JobId>, DiskError> {
        self.look(|core| {
            let mut jobs = core.jobs();
            jobs.find(|job| job.token == token).map(|job| job.id)
        })
    }

    /// Waits until a job that was taken has its output directory.
    fn is_set_up(&self, id: JobId) -> Result<JobId, HostError> {
        let mut state = self.state();
        loop {
            if let Some(error) = &state.broken {
                return Err(error.clone().into());
            }
            match state.core.job(id) {
                Some(job) if job.is_set_up() || job.state == JobState::Succeeded => return Ok(id),
                Some(Job {
                    state: JobState::Failed { reason },
                    ..
                }) => return Err(HostError::Failed(reason.clone())),
                Some(_) => {}
                None => return Err(HostError::Failed(format!("{id} is not known any more"))),
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
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
        let rendered = self.look(|core| self.metrics.render_coordinator(core, now));
        rendered.unwrap_or_else(|error| format!("# {error}\n"))
    }

    /// Looks at the core.
    ///
    /// # Errors
    /// When the journal cannot be written: then the core has decided what a crash will take back, and nobody may see it.
    pub fn look<T>(&self, look: impl FnOnce(&Coordinator) -> T) -> Result<T, DiskError> {
        let state = self.state();
        match &state.broken {
            Some(error) => Err(error.clone()),
            None => Ok(look(&state.core)),
        }
    }

    /// Waits until a job is over, and lets `watch` look at it now and then. Time passes meanwhile: nobody else need call [`Host::tick`].
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
            self.tick().map_err(|error| error.to_string())?;
            let state = self.state();
            if let Some(error) = &state.broken {
                return Err(error.to_string());
            }
            let Some(job) = state.core.job(id) else {
                return Err(format!("{id} is not known"));
            };
            watch(job);
            match &job.state {
                JobState::Succeeded => return Ok(job.clone()),
                JobState::Failed { reason } => return Err(reason.clone()),
                JobState::Running | JobState::Committing => {}
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

/// Whether what failed may do better in a while. A part that is nowhere does not come back, nor does a directory.
fn may_pass(error: &io::Error) -> bool {
    let is_missing = error
        .get_ref()
        .is_some_and(|inner| inner.is::<MissingPart>());
    !is_missing && error.kind() != io::ErrorKind::NotFound
}
