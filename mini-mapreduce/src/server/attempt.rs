//! One attempt at a task, on a thread of its own: what the engine does, between the worker's directory and the job's output.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Span, info_span};

use super::agent::{Agent, Life};
use super::faulty::Faulty;
use super::files::tables;
use super::host::{continued, trace_of};
use super::links::{FetchError, Segment};
use super::programs;
use super::scratch::DirScratch;
use super::streaming;
use crate::coordinator::fetch_failures::FAILURES_MIN;
use crate::counters::Counters;
use crate::job::{JobError, JobSpec, Split};
use crate::program::Program;
use crate::protocol::{AttemptId, AttemptState, TaskKind};
use crate::task::{self, Progress, SegmentSource, TaskError};
use crate::worker::shuffle::Shuffle;

/// How long a reduce waits for news before it looks again whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// An attempt that panics has failed, and its worker lives.
pub(super) fn unless_panic(work: impl FnOnce() -> AttemptState) -> AttemptState {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| AttemptState::Failed {
        reason: format!("it panicked: {}", panic_text(panic.as_ref())),
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a message")
}

/// Hears how far an attempt is.
struct Watch<'a> {
    agent: &'a Agent,
    attempt: AttemptId,
    life: &'a Life,
    /// What part of the attempt's work lies before this step of it.
    before: f64,
    /// Of a reduce: what its fetching and merging counted.
    shuffled: Option<&'a Shuffled>,
}

impl Progress for Watch<'_> {
    fn report(&self, fraction: f64, counters: &Counters) {
        let progress = self.before + (1.0 - self.before) * fraction;
        let mut counters = counters.clone();
        if let Some(shuffled) = self.shuffled {
            // Merging is over with the first report.
            shuffled.note("MERGE_PHASE_TIME");
            counters.merge(&shuffled.counters());
        }
        self.agent.progress(self.attempt, progress, counters);
    }

    fn progress(&self) {
        self.life.tick();
    }

    fn is_cancelled(&self) -> bool {
        self.life.is_cancelled()
    }
}

/// What a reduce counts of its fetching and merging: bytes, and how many milliseconds after its begin each was over (`SHUFFLE_PHASE_TIME` and
/// `MERGE_PHASE_TIME`, as Tez has them).
struct Shuffled {
    begun: Instant,
    counters: Mutex<Counters>,
}

impl Shuffled {
    fn counters(&self) -> Counters {
        let counters = self.counters.lock();
        counters.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn fetched(&self, bytes: u64) {
        let counters = self.counters.lock();
        let mut counters = counters.unwrap_or_else(PoisonError::into_inner);
        counters.task("REDUCE_SHUFFLE_BYTES", bytes);
    }

    /// A phase is over, if it was not before.
    fn note(&self, phase: &str) {
        let counters = self.counters.lock();
        let mut counters = counters.unwrap_or_else(PoisonError::into_inner);
        if counters.get_task(phase) == 0 {
            let millis = u64::try_from(self.begun.elapsed().as_millis());
            counters.task(phase, millis.unwrap_or(u64::MAX).max(1));
        }
    }
}

fn end(result: Result<Counters, TaskError>) -> AttemptState {
    match result {
        Ok(counters) => AttemptState::Done { counters },
        Err(TaskError::Cancelled) => AttemptState::GivenUp {
            reason: "cancelled".to_owned(),
        },
        Err(error) => AttemptState::Failed {
            reason: error.to_string(),
        },
    }
}

fn scratch(agent: &Agent, attempt: AttemptId) -> Result<Faulty<DirScratch>, TaskError> {
    let dir = agent.dir(attempt);
    fs::create_dir_all(&dir).map_err(|error| TaskError::Scratch {
        what: "make",
        file: dir.display().to_string(),
        error,
    })?;
    Ok(Faulty {
        inner: DirScratch { dir },
        faults: agent.settings.faults.clone(),
    })
}

/// The job's code, for this attempt.
fn program(
    agent: &Agent,
    attempt: AttemptId,
    spec: &JobSpec,
    life: &Arc<Life>,
) -> Result<Arc<dyn Program>, JobError> {
    let (wanted, ticking) = (life.clone(), life.clone());
    programs::program(spec, || {
        Some(streaming::Task {
            attempt,
            dir: agent.dir(attempt),
            cancelled: Box::new(move || wanted.is_cancelled()),
            alive: Box::new(move || ticking.tick()),
        })
    })
}

/// Has `write` write the attempt's part of the output; durable then.
fn write_part(
    agent: &Agent,
    attempt: AttemptId,
    spec: &JobSpec,
    write: impl FnOnce(&mut dyn Write) -> Result<Counters, TaskError>,
) -> Result<Counters, TaskError> {
    let output = agent.output(spec).map_err(TaskError::Output)?;
    let file = output.begin(attempt);
    let file = file.and_then(|file| tables::writer(spec, file));
    let file = file.map_err(TaskError::Output)?;
    let mut buffered = BufWriter::with_capacity(1 << 18, file);
    let written = write(&mut buffered).and_then(|counters| {
        let file = buffered
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        let closed = file.and_then(|file| file.close());
        closed.map_err(TaskError::Output)?;
        Ok(counters)
    });
    if written.is_err() {
        // Else it goes when the job is over.
        let _ = output.abort_task(attempt);
    }
    written
}

/// What an attempt is in the trace of its job.
fn span(agent: &Agent, attempt: AttemptId, spec: &JobSpec) -> Span {
    let (name, worker) = (attempt.to_string(), &agent.settings.host);
    continued(trace_of(spec), || {
        let task = match attempt.task.kind {
            TaskKind::Map => "map",
            TaskKind::Reduce => "reduce",
        };
        info_span!("attempt", otel.name = task, attempt = name, worker)
    })
}

/// A map.
pub(super) fn map(
    agent: &Arc<Agent>,
    attempt: AttemptId,
    spec: &JobSpec,
    split: &Split,
    life: &Arc<Life>,
) -> AttemptState {
    let watch = Watch {
        agent,
        attempt,
        life,
        before: 0.0,
        shuffled: None,
    };
    let _mapping = span(agent, attempt, spec).entered();
    let run = || {
        let program = program(agent, attempt, spec, life)?;
        let files = &agent.input;
        if spec.reduces == 0 {
            return write_part(agent, attempt, spec, |out| {
                task::run_map_only(&*program, spec, split, files, out, &watch)
            });
        }
        let scratch = scratch(agent, attempt)?;
        let output = task::run_map(&*program, spec, split, files, &scratch, &watch)?;
        let counters = output.counters.clone();
        agent.keep_output(attempt, output);
        Ok(counters)
    };
    end(run())
}

/// A reduce: fetches all, then merges and reduces. A map's output that turns out to be damaged is fetched again, from whoever makes it anew.
pub(super) fn reduce(
    agent: &Arc<Agent>,
    attempt: AttemptId,
    spec: &JobSpec,
    maps: u32,
    life: &Arc<Life>,
) -> AttemptState {
    let shuffled = Shuffled {
        begun: Instant::now(),
        counters: Mutex::default(),
    };
    let mut fetching = Fetching {
        agent,
        attempt,
        life,
        shuffled: &shuffled,
        shuffle: Shuffle::new(maps),
        fetched: BTreeMap::new(),
        channel: channel(),
    };
    let _reducing = span(agent, attempt, spec).entered();
    let mut run = || {
        let program = program(agent, attempt, spec, life)?;
        let scratch = scratch(agent, attempt)?;
        let partition = attempt.task.index;
        let watch = Watch {
            agent,
            attempt,
            life,
            before: 1.0 / 3.0,
            shuffled: Some(&shuffled),
        };
        loop {
            let shuffle =
                traces::within(|| info_span!("shuffle")).in_scope(|| fetching.fetch_all(maps))?;
            if let Err(reason) = shuffle {
                return Ok(Err(reason));
            }
            shuffled.note("SHUFFLE_PHASE_TIME");
            let sources = fetching.sources();
            let reduced = write_part(agent, attempt, spec, |out| {
                task::run_reduce(&*program, spec, partition, sources, &scratch, out, &watch)
            });
            match reduced {
                // What was brought here whole and cannot be read any more is this machine's fault.
                Err(TaskError::MapOutput { map, error })
                    if error.kind() == io::ErrorKind::InvalidData =>
                {
                    fetching.damaged(&map);
                }
                other => return other.map(Ok),
            }
        }
    };
    match run() {
        Ok(Err(reason)) => AttemptState::GivenUp { reason },
        Ok(Ok(mut counters)) => {
            counters.merge(&shuffled.counters());
            end(Ok(counters))
        }
        Err(error) => end(Err(error)),
    }
}

type Fetched = (AttemptId, Result<Segment, FetchError>);

/// A reduce that fetches.
struct Fetching<'a> {
    agent: &'a Arc<Agent>,
    attempt: AttemptId,
    life: &'a Life,
    shuffled: &'a Shuffled,
    shuffle: Shuffle,
    /// By map.
    fetched: BTreeMap<u32, (AttemptId, Segment)>,
    channel: (Sender<Fetched>, Receiver<Fetched>),
}

impl Fetching<'_> {
    /// Returns when all is there, or it is given up, and why.
    ///
    /// # Errors
    /// Where what comes cannot be kept here.
    fn fetch_all(&mut self, maps: u32) -> Result<Result<(), String>, TaskError> {
        loop {
            if self.life.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            // It waits for others, and by no fault of its own.
            self.life.tick();
            let seen = self.agent.news();
            while let Ok((map, result)) = self.channel.1.try_recv() {
                self.take(map, result)?;
            }
            if self.shuffle.is_complete() {
                return Ok(Ok(()));
            }
            if let Some((map, address)) = self.shuffle.hopeless() {
                return Ok(Err(format!("{map} on {address} cannot be fetched")));
            }
            let now = self.agent.now();
            let shuffle = &mut self.shuffle;
            let begun = self.agent.hear_events(
                self.attempt.task.job,
                |events| {
                    shuffle.hear(events);
                    let begun = shuffle.begin(now);
                    (!begun.is_empty()).then_some(begun)
                },
                seen,
                LOOK_EVERY,
            );
            for (map, address) in begun.into_iter().flatten() {
                self.begin(map, address);
            }
            let done = self.shuffle.fraction() / 3.0;
            if maps > 0 {
                let counters = self.shuffled.counters();
                self.agent.progress(self.attempt, done, counters);
            }
        }
    }

    fn begin(&self, map: AttemptId, address: String) {
        let (agent, sender) = (self.agent.clone(), self.channel.0.clone());
        let (partition, dir) = (self.attempt.task.index, agent.dir(self.attempt));
        let span = traces::within(|| info_span!("fetch", %map, from = address));
        let fetch = move || {
            let _fetching = span.entered();
            let begun = Instant::now();
            let fetched = agent.segments.fetch(map, &address, partition, &dir);
            let bytes = fetched.as_ref().ok().map(|segment| segment.length);
            agent.metrics.fetched(bytes, begun.elapsed());
            // Nobody listens any more: the reduce has ended.
            let _ = sender.send((map, fetched));
            agent.wake();
        };
        let name = format!("fetch {map}");
        if let Err(error) = std::thread::Builder::new().name(name).spawn(fetch) {
            let file = PathBuf::from("a thread");
            let error = FetchError::Here { file, error };
            let _ = self.channel.0.send((map, Err(error)));
        }
    }

    fn take(
        &mut self,
        map: AttemptId,
        result: Result<Segment, FetchError>,
    ) -> Result<(), TaskError> {
        match result {
            Ok(segment) => {
                if self.shuffle.fetched(map) {
                    self.shuffled.fetched(segment.length);
                    self.fetched.insert(map.task.index, (map, segment));
                }
            }
            Err(FetchError::Here { file, error }) => {
                return Err(TaskError::Scratch {
                    what: "write",
                    file: file.display().to_string(),
                    error,
                });
            }
            Err(FetchError::There(_)) => {
                if self.shuffle.failed(map, self.agent.now()) {
                    self.agent.complain(self.attempt, map, 1);
                }
            }
        }
        Ok(())
    }

    /// What was fetched, in the order of maps: values come in the same order in every attempt.
    fn sources(&self) -> Vec<SegmentSource> {
        let source = |(map, segment): &(AttemptId, Segment)| {
            let (file, offset) = (segment.file.clone(), segment.offset);
            SegmentSource {
                map: map.to_string(),
                records: segment.records,
                open: Box::new(move || {
                    let mut file = fs::File::open(file)?;
                    file.seek(SeekFrom::Start(offset))?;
                    let file: Box<dyn Read + Send> =
                        Box::new(io::BufReader::with_capacity(1 << 16, file));
                    Ok(file)
                }),
            }
        };
        self.fetched.values().map(source).collect()
    }

    /// The checksum of a map's output does not match. That is no doubt: it is as bad as many failures.
    fn damaged(&mut self, map: &str) {
        let found = self.fetched.values().find(|(id, _)| id.to_string() == map);
        let Some((map, _)) = found.cloned() else {
            return;
        };
        self.fetched.remove(&map.task.index);
        self.shuffle.damaged(map, self.agent.now());
        self.agent.complain(self.attempt, map, FAILURES_MIN);
    }
}

/// Segments of workers in this process: nothing is copied.
pub(super) struct Here(pub(super) Mutex<Option<std::sync::Weak<Agent>>>);

impl super::links::Segments for Arc<Here> {
    fn fetch(
        &self,
        map: AttemptId,
        _: &str,
        partition: u32,
        _: &Path,
    ) -> Result<Segment, FetchError> {
        let agent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let agent = agent.as_ref().and_then(std::sync::Weak::upgrade);
        let found = agent.and_then(|agent| agent.segment(map, partition));
        found.ok_or_else(|| FetchError::There(io::ErrorKind::NotFound.into()))
    }
}
