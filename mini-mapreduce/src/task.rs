//! What a task does, from start to end: a map, and a reduce. Who runs which where, and how often, is not known here.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::counters::Counters;
use crate::groups::{Combining, Merged, Name, narrow, reduce_all};
use crate::input::{Files, RecordReader};
use crate::job::{JobError, JobSpec, RecordError, Split};
use crate::map_output::{MapOutputBuffer, SpillSettings};
use crate::output::RecordWriter;
use crate::program::{Collect, Program};
use crate::pulse::{Pulse, Watched};
use crate::segment::{SegmentReader, SegmentWriter};

/// Where a task keeps what does not fit into memory: names are its own, and nobody else's.
pub trait Scratch {
    /// A new file.
    ///
    /// # Errors
    /// Where it cannot be made.
    fn create(&self, name: &str) -> io::Result<Box<dyn Write + Send>>;

    /// A file's bytes, from an offset on.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn open(&self, name: &str, offset: u64) -> io::Result<Box<dyn Read + Send>>;

    /// Gives a file's room back.
    ///
    /// # Errors
    /// Where it cannot be removed.
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// Hears how far a task is, and says whether anybody still wants it.
pub trait Progress: Send + Sync {
    /// How much of the task is done, from 0 to 1, and what it has counted so far. Called every few thousand records, and by a reduce when it has merged so much
    /// that it can begin to reduce.
    fn report(&self, fraction: f64, counters: &Counters);

    /// The task lives (`Reporter.progress()`): a record was read, a pair was written, or it waits for what is not its own to do. A task that is silent for too
    /// long (`mapreduce.task.timeout`) is taken for one in an endless loop. Called for every record, so it has to be cheap.
    fn progress(&self);

    /// Whether the task is to end: somebody else has done it, or the job was killed.
    fn is_cancelled(&self) -> bool;
}

/// A map's output: one file, with a sorted segment for each reduce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapOutput {
    /// Its name in the task's scratch.
    pub file: String,
    /// A segment for each reduce, in order.
    pub segments: Vec<SegmentRange>,
    /// What the map counted.
    pub counters: Counters,
}

/// Where in a file a segment stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRange {
    /// In bytes.
    pub offset: u64,
    /// In bytes, as it stands in the file.
    pub length: u64,
    /// How many pairs.
    pub records: u64,
}

/// Why a task failed. The next attempt may do better, but for [`TaskError::Record`] and [`TaskError::Job`].
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The job itself is wrong.
    #[error(transparent)]
    Job(#[from] JobError),
    /// A record was bad.
    #[error(
        "{path}: the record at byte {position} is bad: {reason} \
         (mapreduce.map.skip.maxrecords lets a map pass over so many)"
    )]
    Record {
        /// Its file.
        path: String,
        /// Where it begins in it, in bytes.
        position: u64,
        /// What the mapper said.
        reason: String,
    },
    /// A group was bad.
    #[error("partition {partition}: the group of the key {key} is bad: {reason}")]
    Group {
        /// The reduce.
        partition: u32,
        /// Its key, as far as it can be shown.
        key: String,
        /// What the reducer said.
        reason: String,
    },
    /// What the combiner or the fold was given, or made, was bad.
    #[error("the combiner failed at the key {key}: {reason}")]
    Combiner {
        /// Its key, as far as it can be shown.
        key: String,
        /// What it said.
        reason: String,
    },
    /// The partitioner is wrong.
    #[error("the partitioner named a reduce that is not there; there are {0}")]
    Partitioner(u32),
    /// The input cannot be read.
    #[error("cannot read {path} at byte {position}: {error}")]
    Input {
        /// Its file.
        path: String,
        /// How far it was read, in bytes.
        position: u64,
        /// Why not.
        error: io::Error,
    },
    /// A map's output cannot be read, or is damaged: the map has to be run again.
    #[error("the output of map {map} cannot be read: {error}")]
    MapOutput {
        /// Whose, as its source says.
        map: String,
        /// Why not.
        error: io::Error,
    },
    /// The task's own disk failed, or is full.
    #[error("cannot {what} {file}: {error}; look at the disk of the task's directory")]
    Scratch {
        /// What was tried: write, read.
        what: &'static str,
        /// Which file.
        file: String,
        /// Why not.
        error: io::Error,
    },
    /// A command of Hadoop Streaming failed.
    #[error("{0}")]
    Command(String),
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// Nobody wants it any more.
    #[error("cancelled")]
    Cancelled,
}

/// How many records pass between two looks at whether anybody still wants the task.
const RECORDS_BETWEEN_REPORTS: u64 = 4096;

/// Runs a map with its output for reduces, of which there is at least one.
///
/// # Errors
/// Where a record is bad, or something cannot be read or written.
pub fn run_map(
    program: &dyn Program,
    spec: &JobSpec,
    split: &Split,
    files: &dyn Files,
    scratch: &dyn Scratch,
    progress: &dyn Progress,
) -> Result<MapOutput, TaskError> {
    let settings = SpillSettings::of(spec)?;
    run_map_with(program, spec, settings, split, files, scratch, progress)
}

/// As [`run_map`], with a buffer of any size.
///
/// # Errors
/// As [`run_map`].
pub fn run_map_with(
    program: &dyn Program,
    spec: &JobSpec,
    settings: SpillSettings,
    split: &Split,
    files: &dyn Files,
    scratch: &dyn Scratch,
    progress: &dyn Progress,
) -> Result<MapOutput, TaskError> {
    let mut out = MapOutputBuffer::new(program, spec.reduces, settings, scratch, progress)?;
    let read = map_records(program, spec, split, files, &mut out, progress)?;
    out.counters.merge(&read);
    out.finish().map_err(|error| *error)
}

/// Runs a map of a job without reduces: what it emits is the output.
///
/// # Errors
/// As [`run_map`].
pub fn run_map_only(
    program: &dyn Program,
    spec: &JobSpec,
    split: &Split,
    files: &dyn Files,
    out: &mut dyn Write,
    progress: &dyn Progress,
) -> Result<Counters, TaskError> {
    let mut writer = RecordWriter::new(program, out, progress);
    let mut counters = map_records(program, spec, split, files, &mut writer, progress)?;
    writer.finish().map_err(TaskError::Output)?;
    counters.merge(&writer.counters);
    counters.task("MAP_OUTPUT_RECORDS", writer.records);
    Ok(counters)
}

/// Takes a split's records through a mapper.
fn map_records(
    program: &dyn Program,
    spec: &JobSpec,
    split: &Split,
    files: &dyn Files,
    out: &mut dyn Collect,
    progress: &dyn Progress,
) -> Result<Counters, TaskError> {
    let settings = &spec.settings;
    let skips_max: u64 = settings.parse("mapreduce.map.skip.maxrecords", 0)?;
    let line_max = line_max(spec)?;
    let unreadable = |position, error| TaskError::Input {
        path: split.path.clone(),
        position,
        error,
    };
    let mut mapper = program.mapper(split)?;
    mapper.begin(files)?;
    let mut reader = RecordReader::open(program.input(), split, line_max, files)
        .map_err(|error| unreadable(split.offset, error))?;
    let (mut records, mut skipped) = (0_u64, 0);
    loop {
        let position = reader.position();
        let next = reader.next_record();
        let Some(record) = next.map_err(|error| unreadable(position, error))? else {
            break;
        };
        progress.progress();
        let mapped = mapper.map(&record, out);
        match mapped.and(out.end_of_record()) {
            Ok(()) => {}
            Err(RecordError::Task(error)) => return Err(*error),
            Err(RecordError::Bad(_)) if skipped < skips_max => skipped += 1,
            Err(RecordError::Bad(reason)) => {
                return Err(TaskError::Record {
                    path: split.path.clone(),
                    position,
                    reason,
                });
            }
        }
        records += 1;
        if records.is_multiple_of(RECORDS_BETWEEN_REPORTS) {
            if progress.is_cancelled() {
                return Err(TaskError::Cancelled);
            }
            let done = reader.position().saturating_sub(split.offset);
            progress.report(
                fraction(done, split.length),
                &map_counters(records, skipped),
            );
        }
    }
    let finished = mapper.finish(out).and_then(|()| out.end_of_record());
    finished.map_err(|error| match error {
        RecordError::Task(error) => *error,
        RecordError::Bad(reason) => TaskError::Record {
            path: split.path.clone(),
            position: reader.position(),
            reason,
        },
    })?;
    Ok(map_counters(records, skipped))
}

/// How long a line may be, in bytes.
pub(crate) fn line_max(spec: &JobSpec) -> Result<usize, JobError> {
    let name = "mapreduce.input.linerecordreader.line.maxlength";
    spec.settings.parse(name, i32::MAX as usize)
}

fn map_counters(records: u64, skipped: u64) -> Counters {
    let mut counters = Counters::default();
    counters.task("MAP_INPUT_RECORDS", records);
    if skipped > 0 {
        counters.task("MAP_SKIPPED_RECORDS", skipped);
    }
    counters
}

#[expect(clippy::cast_precision_loss, reason = "it is for a progress bar")]
fn fraction(done: u64, all: u64) -> f64 {
    if all == 0 {
        0.0
    } else {
        (done as f64 / all as f64).min(1.0)
    }
}

/// Opens a segment when its turn has come: a reduce may have more of them than file handles.
pub type OpenSegment = Box<dyn FnOnce() -> io::Result<Box<dyn Read + Send>> + Send>;

/// What a map has for a reduce.
pub struct SegmentSource {
    /// Whose it is, for errors.
    pub map: String,
    /// How many pairs, as [`SegmentRange::records`] says.
    pub records: u64,
    /// Gives its bytes, which begin with the segment.
    pub open: OpenSegment,
}

/// Something to be merged, not opened yet.
struct Run {
    name: Name,
    open: OpenSegment,
}

impl Run {
    fn read(self) -> Result<(Name, SegmentReader), Box<TaskError>> {
        let input = (self.open)().map_err(|error| self.name.unreadable(error))?;
        Ok((self.name, SegmentReader::new(input)))
    }
}

fn merged(runs: Vec<Run>) -> Result<Merged, Box<TaskError>> {
    let opened: Result<Vec<_>, _> = runs.into_iter().map(Run::read).collect();
    Merged::new(opened?)
}

/// Runs a reduce over what all maps have for its partition. Of equal keys, the values come in the order of the sources.
///
/// # Errors
/// Where a group is bad, a map's output is damaged, or something cannot be read or written.
pub fn run_reduce(
    program: &dyn Program,
    spec: &JobSpec,
    partition: u32,
    sources: Vec<SegmentSource>,
    scratch: &dyn Scratch,
    out: &mut dyn Write,
    progress: &dyn Progress,
) -> Result<Counters, TaskError> {
    let settings = SpillSettings::of(spec)?;
    let mut counters = Counters::default();
    counters.task("SHUFFLED_MAPS", sources.len() as u64);
    let records: u64 = sources.iter().map(|source| source.records).sum();
    let mut runs = Vec::new();
    for source in sources {
        let name = Name::Map(source.map);
        // A segment without pairs costs a file handle, and tells nothing.
        if source.records > 0 {
            runs.push(Run {
                name,
                open: source.open,
            });
        }
    }
    let mut merges = 0;
    let runs = narrow(runs, settings.factor, |batch| {
        merges += 1;
        let file = format!("merged{merges}.reduce");
        let pairs = Watched {
            pairs: merged(batch)?,
            pulse: Pulse::new(progress),
        };
        merge_to_scratch(program, pairs, settings, &file, scratch, &mut counters)
    })
    .map_err(|error| *error)?;
    // What comes now is to reduce.
    progress.report(0.0, &counters);

    let mut pairs = Watched {
        pairs: merged(runs).map_err(|error| *error)?,
        pulse: Pulse::new(progress),
    };
    let mut writer = RecordWriter::new(program, out, progress);
    let mut reducer = program.reducer()?;
    let mut reported = 0;
    let merged_counters = counters.clone();
    let each = |values: u64| {
        if values - reported >= RECORDS_BETWEEN_REPORTS {
            reported = values;
            let mut counters = merged_counters.clone();
            counters.task("REDUCE_INPUT_RECORDS", values);
            progress.report(fraction(values, records), &counters);
        }
        Ok(())
    };
    let bad = |key: &[u8], error: RecordError| match error {
        RecordError::Task(error) => error,
        RecordError::Bad(reason) => Box::new(TaskError::Group {
            partition,
            key: key.escape_ascii().to_string(),
            reason,
        }),
    };
    let group_len = |key: &[u8]| program.group_len(key);
    let reducer = &mut *reducer;
    let reduced = reduce_all(&mut pairs, &group_len, reducer, &mut writer, each, bad);
    let (groups, values) = reduced.map_err(|error| *error)?;
    writer.finish().map_err(TaskError::Output)?;
    counters.merge(&writer.counters);
    counters.task("REDUCE_INPUT_GROUPS", groups);
    counters.task("REDUCE_INPUT_RECORDS", values);
    counters.task("REDUCE_OUTPUT_RECORDS", writer.records);
    Ok(counters)
}

/// Merges some runs into a file of the task's own.
fn merge_to_scratch(
    program: &dyn Program,
    mut pairs: Watched<'_, Merged>,
    settings: SpillSettings,
    file: &str,
    scratch: &dyn Scratch,
    counters: &mut Counters,
) -> Result<Run, Box<TaskError>> {
    let unwritable = |error| {
        Box::new(TaskError::Scratch {
            what: "write",
            file: file.to_owned(),
            error,
        })
    };
    let mut out = scratch.create(file).map_err(unwritable)?;
    let mut writer = SegmentWriter::new(&mut *out, 0, settings.compression);
    let mut combine = program
        .combine()
        .map_err(TaskError::Job)
        .map_err(Box::new)?;
    Combining {
        combine: &mut combine,
        check: settings.check,
        group_len: &|key| key.len(),
        counters,
        file,
    }
    .write(&mut pairs, &mut writer)?;
    let range = writer.finish().map_err(unwritable)?;
    counters.task("SPILLED_RECORDS", range.records);
    out.flush().map_err(unwritable)?;
    drop(out);
    let name = Name::Scratch(file.to_owned());
    let input = scratch.open(file, 0);
    let input = input.map_err(|error| name.unreadable(error))?;
    Ok(Run {
        name,
        open: Box::new(move || Ok(input)),
    })
}
