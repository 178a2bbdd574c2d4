//! A job in this process, on all of its cores: the same coordinator and the same worker as in a cluster, with calls between them, and no copy
//! of a map's output on its way to a reduce (Hadoop's `LocalJobRunner`, but not one task after another).

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use node::{DiskFaults, MemDisk};
use tempfile::TempDir;

use super::agent::{Agent, Settings};
use super::attempt::Here;
use super::files::{self, FileSystems, paths};
use super::host::{Host, HostError};
use super::links::{Link, LinkError};
use super::output;
use super::worker::TASKS_END_MAX;
use crate::coordinator::Config;
use crate::coordinator::delay::Waits;
use crate::coordinator::job::Job;
use crate::coordinator::task::Limits;
use crate::counters::Counters;
use crate::job::JobSpec;
use crate::jobs;
use crate::protocol::{AttemptId, Registration, Reply, Report, WorkerId};

/// How often whoever watches a job is told how far it is.
const WATCH_EVERY: Duration = Duration::from_millis(200);

/// How long the worker may be silent.
const NEVER_SILENT: Duration = Duration::from_secs(3600);

/// Why a job is not done.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// It was not taken.
    #[error(transparent)]
    Host(#[from] HostError),
    /// It failed.
    #[error("the job failed: {0}")]
    Failed(String),
    /// There is no room to work in.
    #[error("cannot make a directory to work in: {0}; set TMPDIR to a disk with room")]
    Directory(io::Error),
}

impl Link for Arc<Host> {
    fn register(&self, registration: Registration) -> Result<Vec<AttemptId>, LinkError> {
        Host::register(self, registration).map_err(|e| LinkError::Unreachable(e.to_string()))
    }

    fn heartbeat(&self, report: Report) -> Result<Reply, LinkError> {
        let answered = Host::heartbeat(self, &report);
        let answered = answered.map_err(|e| LinkError::Unreachable(e.to_string()))?;
        answered.map_err(|_| LinkError::Unknown)
    }
}

/// A coordinator and a worker in this process.
pub struct Local {
    /// The coordinator.
    pub host: Arc<Host>,
    agent: Arc<Agent>,
    files: FileSystems,
    _dir: TempDir,
}

impl Local {
    /// With a worker that runs so many maps, and so many reduces, at once.
    ///
    /// # Errors
    /// Where there is no room to work in.
    pub fn new(slots: u32) -> Result<Local, LocalError> {
        let files = FileSystems::on(&files::host());
        let dir = TempDir::with_prefix("mini-mapreduce-").map_err(LocalError::Directory)?;
        let usual = Config::default();
        let config = Config {
            // Nobody is silent here, but the machine may sleep.
            worker_timeout: NEVER_SILENT,
            limits: Limits {
                lease: NEVER_SILENT,
                ..usual.limits
            },
            // There is no faster place for a second attempt, and no nearer one to wait for.
            speculative: false,
            waits: Waits {
                node: Duration::ZERO,
                rack: Duration::ZERO,
            },
            ..usual
        };
        let host = Host::open(config, Box::new(MemDisk::default()), files.clone())
            .map_err(|error| LocalError::Failed(error.to_string()))?;
        let settings = Settings {
            worker: WorkerId(0),
            address: String::new(),
            host: files::host(),
            rack: String::new(),
            map_slots: slots,
            reduce_slots: slots,
            dir: dir.path().to_owned(),
            heartbeat: Duration::from_millis(100),
            faults: DiskFaults::default(),
        };
        let here = Arc::new(Here(Mutex::new(None)));
        let links = (Box::new(host.clone()), Box::new(here.clone()));
        let agent = Agent::new(settings, files.clone(), links.0, links.1);
        *here.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(&agent));
        Ok(Local {
            host,
            agent,
            files,
            _dir: dir,
        })
    }

    /// Runs a job, and the jobs that it consists of, one after another. `watch` looks on.
    ///
    /// # Errors
    /// Where it is not taken, or fails.
    pub fn run(self, spec: &JobSpec, mut watch: impl FnMut(&Job)) -> Result<Counters, LocalError> {
        let spec = paths::qualified(spec, &files::user()).map_err(HostError::from)?;
        let steps = jobs::steps(&spec).map_err(HostError::from)?;
        // Else that would be found out only when all other steps are done.
        if let Some(last) = steps.last() {
            output::check_is_new(&self.files, &last.output).map_err(HostError::Output)?;
        }
        let between: Vec<String> = steps.iter().map(|step| step.output.clone()).collect();
        let (mut counters, mut done) = (Counters::default(), 0);
        let result = std::thread::scope(|scope| {
            let agent = &self.agent;
            scope.spawn(move || agent.run(|_| {}));
            let result: Result<(), LocalError> = (0..).zip(steps).try_for_each(|(token, step)| {
                let job = self.host.submit(token, step)?;
                self.agent.hurry();
                let job = self.host.wait(job, WATCH_EVERY, &mut watch);
                counters.merge(&job.map_err(LocalError::Failed)?.counters());
                done += 1;
                Ok(())
            });
            agent.stop();
            agent.wait_for_tasks(TASKS_END_MAX);
            self.host.wait_for_actions(ACTIONS_END_MAX);
            result
        });
        // What one step has left for the next.
        let last = between.len().saturating_sub(1);
        for path in between[..done.min(last)].iter() {
            self.files.remove(path);
        }
        result.map(|()| counters)
    }
}

/// How long it may take at the end to remove what a job has left.
const ACTIONS_END_MAX: Duration = Duration::from_secs(30);

/// Runs a job in this process on `slots` threads. `watch` looks on.
///
/// # Errors
/// Where it is not taken, or fails.
pub fn run(spec: &JobSpec, slots: u32, watch: impl FnMut(&Job)) -> Result<Counters, LocalError> {
    Local::new(slots)?.run(spec, watch)
}
