//! A worker: its core, a thread for its heartbeats, and a thread for each task.
//!
//! What it does not know is how far away the coordinator is, and other workers' map outputs: a [`Link`] and a [`Segments`] tell.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use node::{DiskFaults, Time};

use super::attempt;
use super::faulty::Faulty;
use super::files::{FileSystems, Layout};
use super::links::{Link, LinkError, Segment, Segments};
use super::metrics::Metrics;
use super::output::OutputDir;
use crate::counters::Counters;
use crate::job::JobSpec;
use crate::protocol::{
    AttemptId, AttemptState, JobId, MapEvent, Registration, Report, TaskKind, WorkerId,
};
use crate::task::MapOutput;
use crate::worker::{Action, Worker};

/// How busy a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many maps at once.
    pub map_slots: u32,
    /// How many reduces at once.
    pub reduce_slots: u32,
    /// How many maps run.
    pub maps: usize,
    /// How many reduces run.
    pub reduces: usize,
    /// How many maps' outputs it has.
    pub outputs: usize,
    /// How long ago the coordinator has answered; or since the worker began, where it never has.
    pub silent: Duration,
}

/// What a worker is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name in this life.
    pub worker: WorkerId,
    /// Where others fetch its map outputs.
    pub address: String,
    /// Its machine, as splits name it.
    pub host: String,
    /// Where that stands.
    pub rack: String,
    /// How many maps at once.
    pub map_slots: u32,
    /// How many reduces at once.
    pub reduce_slots: u32,
    /// Its own directory, for this life alone.
    pub dir: PathBuf,
    /// How often it reports, if nothing is urgent.
    pub heartbeat: Duration,
    /// What is wrong with its disk.
    pub faults: DiskFaults,
}

/// What an attempt that runs, its worker and its coordinator have to say to each other meanwhile.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Nobody wants it any more.
    pub(super) cancelled: AtomicBool,
    /// Signs of life.
    ticks: AtomicU64,
}

impl Life {
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// A sign of life. For every record, so without a lock on the bus: of two at once one may be lost, and the other is sign enough.
    pub(super) fn tick(&self) {
        let ticks = self.ticks.load(Ordering::Relaxed);
        self.ticks.store(ticks + 1, Ordering::Relaxed);
    }
}

struct State {
    core: Worker,
    outputs: BTreeMap<AttemptId, MapOutput>,
    running: BTreeMap<AttemptId, Arc<Life>>,
    /// Attempts that write parts of an output, or have: of which job.
    parts: BTreeMap<AttemptId, JobSpec>,
    /// How often there was something new for reduces that fetch.
    news: u64,
    /// Something is to be told at once.
    is_urgent: bool,
    is_over: bool,
    /// When the coordinator has answered.
    answered: Instant,
}

/// A worker.
pub struct Agent {
    /// What it is.
    pub settings: Settings,
    pub(super) files: FileSystems,
    /// The same, on a disk that may have faults: what maps read.
    pub(super) input: Faulty<FileSystems>,
    pub(super) segments: Box<dyn Segments>,
    link: Box<dyn Link>,
    started: Instant,
    state: Mutex<State>,
    /// Something is known of map outputs, or urgent.
    changed: Condvar,
    pub(super) metrics: Metrics,
}

impl State {
    fn report(&mut self) -> Report {
        for (attempt, life) in &self.running {
            self.core
                .alive(*attempt, life.ticks.load(Ordering::Relaxed));
        }
        self.core.report()
    }
}

impl Agent {
    /// A worker that has not registered yet.
    pub fn new(
        settings: Settings,
        files: FileSystems,
        link: Box<dyn Link>,
        segments: Box<dyn Segments>,
    ) -> Arc<Agent> {
        let input = Faulty {
            inner: files.clone(),
            faults: settings.faults.clone(),
        };
        let state = State {
            core: Worker::new(settings.worker),
            outputs: BTreeMap::new(),
            running: BTreeMap::new(),
            parts: BTreeMap::new(),
            news: 0,
            is_urgent: false,
            is_over: false,
            answered: Instant::now(),
        };
        Arc::new(Agent {
            settings,
            files,
            input,
            segments,
            link,
            started: Instant::now(),
            state: Mutex::new(state),
            changed: Condvar::new(),
            metrics: Metrics::of_worker(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A task that panicked did so outside of the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Time {
        let micros = self.started.elapsed().as_micros();
        Time::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// Reports and obeys, until [`Agent::stop`]. `lost` hears when the coordinator does not answer, once until it does again.
    pub fn run(self: &Arc<Agent>, mut lost: impl FnMut(&str)) {
        let (mut is_registered, mut is_lost) = (false, false);
        while !self.state().is_over {
            let answered = if is_registered {
                self.beat()
            } else {
                self.register()
            };
            match answered {
                Ok(()) => (is_registered, is_lost) = (true, false),
                Err(LinkError::Unknown) => {
                    is_registered = false;
                    continue;
                }
                Err(LinkError::Unreachable(reason)) => {
                    if !is_lost {
                        lost(&reason);
                    }
                    is_lost = true;
                }
            }
            let mut state = self.state();
            let quiet = |state: &mut State| !state.is_urgent && !state.is_over;
            // What cannot be told is not urgent.
            if !is_lost {
                let waited = self
                    .changed
                    .wait_timeout_while(state, self.settings.heartbeat, quiet);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else {
                drop(state);
                std::thread::sleep(self.settings.heartbeat);
                state = self.state();
            }
            state.is_urgent = false;
        }
    }

    /// Has it report now: the coordinator may have orders or news.
    pub(super) fn hurry(&self) {
        self.state().is_urgent = true;
        self.changed.notify_all();
    }

    /// Ends the worker: it reports no more, its tasks stop soon.
    pub fn stop(&self) {
        let mut state = self.state();
        state.is_over = true;
        for life in state.running.values() {
            life.cancelled.store(true, Ordering::Relaxed);
        }
        state.news += 1;
        self.changed.notify_all();
    }

    /// Waits until no task runs any more, but no longer than `most`: a task that has heard that it is not wanted still ends what it has begun, such as the
    /// commands of Streaming.
    pub(super) fn wait_for_tasks(&self, most: Duration) {
        let runs = |state: &mut State| !state.running.is_empty();
        drop(self.changed.wait_timeout_while(self.state(), most, runs));
    }

    fn register(self: &Arc<Agent>) -> Result<(), LinkError> {
        let settings = &self.settings;
        let useless = self.link.register(Registration {
            worker: settings.worker,
            address: settings.address.clone(),
            host: settings.host.clone(),
            rack: settings.rack.clone(),
            map_slots: settings.map_slots,
            reduce_slots: settings.reduce_slots,
            outputs: self.state().core.outputs(),
        })?;
        let actions = self.state().core.registered(&useless);
        self.act(actions);
        self.beat()
    }

    fn beat(self: &Arc<Agent>) -> Result<(), LinkError> {
        let report = self.state().report();
        let reply = self.link.heartbeat(report)?;
        self.metrics.upkeep();
        let mut state = self.state();
        state.answered = Instant::now();
        let actions = state.core.hear(reply);
        drop(state);
        self.act(actions);
        Ok(())
    }

    fn act(self: &Arc<Agent>, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::RunMap {
                    attempt,
                    spec,
                    split,
                } => {
                    if spec.reduces == 0 {
                        self.state().parts.insert(attempt, spec.clone());
                    }
                    self.spawn(attempt, move |agent, life| {
                        attempt::map(agent, attempt, &spec, &split, life)
                    });
                }
                Action::RunReduce {
                    attempt,
                    spec,
                    maps,
                } => {
                    self.state().parts.insert(attempt, spec.clone());
                    self.spawn(attempt, move |agent, life| {
                        attempt::reduce(agent, attempt, &spec, maps, life)
                    });
                }
                Action::News(_) => self.wake(),
                Action::Remove(attempt) => self.remove(attempt),
                Action::Forget(job) => self.forget(job),
            }
        }
    }

    fn spawn(
        self: &Arc<Agent>,
        attempt: AttemptId,
        work: impl FnOnce(&Arc<Agent>, &Arc<Life>) -> AttemptState + Send + 'static,
    ) {
        let life = Arc::new(Life::default());
        self.state().running.insert(attempt, life.clone());
        let agent = self.clone();
        let run = move || {
            let end = attempt::unless_panic(|| work(&agent, &life));
            agent.metrics.ended(attempt.task.kind, &end);
            let mut state = agent.state();
            state.running.remove(&attempt);
            let counts = state.core.ended(attempt, end);
            state.is_urgent = true;
            drop(state);
            if !counts {
                agent.remove(attempt);
            }
            agent.changed.notify_all();
        };
        let spawned = std::thread::Builder::new()
            .name(attempt.to_string())
            .spawn(run);
        if let Err(error) = spawned {
            let reason = format!("cannot start a thread: {error}");
            let mut state = self.state();
            state.running.remove(&attempt);
            state.core.ended(attempt, AttemptState::Failed { reason });
            state.is_urgent = true;
        }
    }

    /// An attempt counts for nothing. If it runs it hears so, and removes what it made when it ends.
    fn remove(&self, attempt: AttemptId) {
        let mut state = self.state();
        if let Some(life) = state.running.get(&attempt) {
            life.cancelled.store(true, Ordering::Relaxed);
            state.news += 1;
            self.changed.notify_all();
            return;
        }
        state.outputs.remove(&attempt);
        let part = state.parts.remove(&attempt);
        drop(state);
        if let Some(spec) = part {
            // What cannot be removed now goes with the rest, when its job is over, unless it is over already.
            let _ = self
                .output(&spec)
                .and_then(|output| output.abort_task(attempt));
        }
        // What cannot be removed goes with the directory of the worker's life.
        let _ = fs::remove_dir_all(self.dir(attempt));
    }

    fn forget(&self, job: JobId) {
        let mut state = self.state();
        for (attempt, life) in &state.running {
            if attempt.task.job == job {
                life.cancelled.store(true, Ordering::Relaxed);
            }
        }
        state.outputs.retain(|id, _| id.task.job != job);
        let State { parts, running, .. } = &mut *state;
        parts.retain(|id, _| id.task.job != job || running.contains_key(id));
        drop(state);
        self.wake();
        let _ = fs::remove_dir_all(self.settings.dir.join(job.to_string()));
    }

    /// An attempt's own directory.
    pub(super) fn dir(&self, attempt: AttemptId) -> PathBuf {
        let job = attempt.task.job.to_string();
        self.settings.dir.join(job).join(attempt.to_string())
    }

    /// Where an attempt whose part is output writes.
    pub(super) fn output(&self, spec: &JobSpec) -> io::Result<OutputDir> {
        let layout = Layout::of(&spec.settings).map_err(io::Error::other)?;
        Ok(OutputDir::open(&self.files, &spec.output)?.laid_out(layout))
    }

    pub(super) fn keep_output(&self, attempt: AttemptId, output: MapOutput) {
        self.state().outputs.insert(attempt, output);
    }

    pub(super) fn progress(&self, attempt: AttemptId, progress: f64, counters: Counters) {
        self.state().core.progress(attempt, progress, counters);
    }

    /// Tells of a map output that could not be fetched, or of so many failures at once.
    pub(super) fn complain(&self, reduce: AttemptId, map: AttemptId, times: u32) {
        let mut state = self.state();
        for _ in 0..times {
            state.core.fetch_failed(reduce, map);
        }
        state.is_urgent = true;
        state.news += 1;
        self.changed.notify_all();
    }

    /// How often there was something new so far.
    pub(super) fn news(&self) -> u64 {
        self.state().news
    }

    /// Lets `hear` look at what is known of a job's map outputs. Where that makes nothing of it, waits until there is something new since `seen`, but not
    /// longer than `most`.
    pub(super) fn hear_events<T>(
        &self,
        job: JobId,
        hear: impl FnOnce(&[MapEvent]) -> Option<T>,
        seen: u64,
        most: Duration,
    ) -> Option<T> {
        let state = self.state();
        let heard = hear(state.core.events(job));
        if heard.is_none() {
            let waited = self
                .changed
                .wait_timeout_while(state, most, |state| state.news == seen);
            drop(waited);
        }
        heard
    }

    pub(super) fn wake(&self) {
        self.state().news += 1;
        self.changed.notify_all();
    }

    /// Where a partition of one of its own map outputs is; none if it has no such output.
    pub fn segment(&self, map: AttemptId, partition: u32) -> Option<Segment> {
        let state = self.state();
        let output = state.outputs.get(&map)?;
        let range = output.segments.get(usize::try_from(partition).ok()?)?;
        Some(Segment {
            file: self.dir(map).join(&output.file),
            offset: range.offset,
            length: range.length,
            records: range.records,
        })
    }

    /// How busy it is now.
    pub fn load(&self) -> Load {
        let state = self.state();
        let maps = state.running.keys();
        let maps = maps.filter(|id| id.task.kind == TaskKind::Map).count();
        Load {
            map_slots: self.settings.map_slots,
            reduce_slots: self.settings.reduce_slots,
            maps,
            reduces: state.running.len() - maps,
            outputs: state.outputs.len(),
            silent: state.answered.elapsed(),
        }
    }

    /// What Prometheus reads.
    pub fn render_metrics(&self) -> String {
        self.metrics.render_worker(&self.load())
    }
}
