//! What a map does with its pairs: it buffers them, sorts and spills when the buffer is full, and merges the spills into one file
//! with a sorted segment for each reduce.

use std::io::Write;

use crate::buffer::{SortBuffer, TOUCHED_MAX};
use crate::counters::Counters;
use crate::fold::{FoldTable, check_fold};
use crate::groups::{Buffered, Combining, Merged, Name, SortedPairs, narrow};
use crate::job::{JobError, JobSpec, RecordError};
use crate::program::{Collect, Combine, Pair, Program};
use crate::pulse::{Pulse, Watched};
use crate::segment::{Compression, SegmentReader, SegmentWriter};
use crate::task::{MapOutput, Progress, Scratch, SegmentRange, TaskError};

/// How a task sorts and spills.
#[derive(Clone, Copy, Debug)]
pub struct SpillSettings {
    /// `mapreduce.task.io.sort.mb`, in bytes.
    pub buffer_bytes: usize,
    /// `mapreduce.task.io.sort.factor`: how many segments are merged at a time. (100; Hadoop's default of 10 is from the time
    /// of few file handles.)
    pub factor: usize,
    /// `mapreduce.map.output.compress` and `mapreduce.map.output.compress.codec`.
    pub compression: Compression,
    /// `mapreduce.map.combine.check`: whether a fold is looked at, whether it is associative and commutative, and a combiner, whether it is associative.
    pub check: bool,
}

impl SpillSettings {
    /// As a job asks for them.
    ///
    /// # Errors
    /// Where a setting is not what it has to be.
    pub fn of(spec: &JobSpec) -> Result<SpillSettings, JobError> {
        let settings = &spec.settings;
        let megabytes: usize = settings.parse("mapreduce.task.io.sort.mb", 100)?;
        let factor: usize = settings.parse("mapreduce.task.io.sort.factor", 100)?;
        Ok(SpillSettings {
            buffer_bytes: megabytes.clamp(1, 4095) << 20,
            factor: factor.max(2),
            compression: Compression::of(settings)?,
            check: settings.parse("mapreduce.map.combine.check", false)?,
        })
    }
}

/// Takes a map's pairs.
pub(crate) struct MapOutputBuffer<'a> {
    program: &'a dyn Program,
    reduces: u32,
    settings: SpillSettings,
    scratch: &'a dyn Scratch,
    progress: &'a dyn Progress,
    pulse: Pulse<'a>,
    combine: Combine,
    buffer: SortBuffer,
    waiting: Waiting,
    spills: Vec<Spill>,
    /// How many files were made.
    files: u32,
    pub(crate) counters: Counters,
    pub(crate) records: u64,
    bytes: u64,
    /// How many pairs came before the last spill.
    spilled: u64,
    /// The last two values, for the check of a fold.
    recent: [Vec<u8>; 2],
}

/// Pairs of one record that are folded together: a fold waits for memory most of its time, and can wait for that of several keys at once.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Each key's hash, and where in `bytes` it and its value end.
    pairs: Vec<(u32, usize, usize)>,
}

impl Waiting {
    fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        let hash = FoldTable::hash(key);
        self.pairs.push((hash, middle, self.bytes.len()));
    }

    fn pairs(&self) -> impl Iterator<Item = (u32, Pair<'_>)> {
        let mut begin = 0;
        self.pairs.iter().map(move |&(hash, middle, end)| {
            let pair = (&self.bytes[begin..middle], &self.bytes[middle..end]);
            begin = end;
            (hash, pair)
        })
    }
}

struct Spill {
    file: String,
    segments: Vec<SegmentRange>,
}

impl<'a> MapOutputBuffer<'a> {
    pub(crate) fn new(
        program: &'a dyn Program,
        reduces: u32,
        settings: SpillSettings,
        scratch: &'a dyn Scratch,
        progress: &'a dyn Progress,
    ) -> Result<MapOutputBuffer<'a>, TaskError> {
        let combine = program.combine()?;
        let folds = matches!(combine, Combine::Fold(_));
        Ok(MapOutputBuffer {
            program,
            reduces,
            settings,
            scratch,
            progress,
            pulse: Pulse::new(progress),
            combine,
            buffer: SortBuffer::new(settings.buffer_bytes, folds),
            waiting: Waiting::default(),
            spills: Vec::new(),
            files: 0,
            counters: Counters::default(),
            records: 0,
            bytes: 0,
            spilled: 0,
            recent: Default::default(),
        })
    }

    /// Puts a pair into the buffer, if it has room.
    fn buffer(&mut self, hash: u32, (key, value): Pair<'_>) -> Result<bool, RecordError> {
        let (program, reduces) = (self.program, self.reduces);
        let partition = || {
            let group = &key[..program.group_len(key)];
            program.partitioner().partition(group, reduces)
        };
        let Combine::Fold(fold) = &self.combine else {
            return Ok(self.buffer.insert(partition(), key, value));
        };
        if self.settings.check {
            let [a, b] = &mut self.recent;
            if self.records > 1 {
                check_fold(&**fold, [a, b, value])?;
            }
            std::mem::swap(a, b);
            b.clear();
            b.extend_from_slice(value);
        }
        (self.buffer).fold_hashed(&**fold, hash, (key, value), &partition)
    }

    /// Takes a pair, with the hash of its key where there is a fold.
    fn take(&mut self, hash: u32, pair: Pair<'_>) -> Result<(), RecordError> {
        let bytes = pair.0.len() + pair.1.len();
        if !self.buffer(hash, pair)? {
            self.spill()?;
            if !self.buffer(hash, pair)? {
                return Err(RecordError::bad(format!(
                    "a pair of {bytes} bytes is larger than the buffer (mapreduce.task.io.sort.mb)"
                )));
            }
        }
        self.records += 1;
        self.bytes += bytes as u64;
        Ok(())
    }

    /// Writes what the buffer holds, sorted, to a file of its own.
    fn spill(&mut self) -> Result<(), Box<TaskError>> {
        let progress = self.progress;
        self.pulse.look()?;
        self.buffer.sort();
        self.pulse.look()?;
        let buffer = std::mem::replace(&mut self.buffer, SortBuffer::new(0, false));
        // What was folded in the buffer has one value for each key.
        let combine = match &self.combine {
            Combine::Fold(_) => {
                let (input, output) = (self.records - self.spilled, buffer.len() as u64);
                self.counters.task("COMBINE_INPUT_RECORDS", input);
                self.counters.task("COMBINE_OUTPUT_RECORDS", output);
                Some(std::mem::replace(&mut self.combine, Combine::None))
            }
            _ => None,
        };
        self.spilled = self.records;
        let mut next = 0;
        let written = self.write_file("spill", |partition| {
            let begin = next;
            while next < buffer.len() && buffer.get(next).0 == partition {
                next += 1;
            }
            let pairs = Buffered {
                buffer: &buffer,
                next: begin,
                end: next,
            };
            let pulse = Pulse::new(progress);
            Ok(Box::new(Watched { pairs, pulse }))
        });
        let is_whole = next == buffer.len();
        self.buffer = buffer;
        self.buffer.clear();
        if let Some(combine) = combine {
            self.combine = combine;
        }
        let spill = written?;
        if !is_whole {
            return Err(Box::new(TaskError::Partitioner(self.reduces)));
        }
        self.spills.push(spill);
        Ok(())
    }

    /// Writes a file with a segment for each reduce.
    fn write_file<'p>(
        &mut self,
        kind: &str,
        mut pairs_of: impl FnMut(u32) -> Result<Box<dyn SortedPairs + 'p>, Box<TaskError>>,
    ) -> Result<Spill, Box<TaskError>> {
        let file = format!("{kind}{}.out", self.files);
        self.files += 1;
        let unwritable = |error| {
            Box::new(TaskError::Scratch {
                what: "write",
                file: file.clone(),
                error,
            })
        };
        let mut out: Box<dyn Write + Send> = self.scratch.create(&file).map_err(unwritable)?;
        let (mut segments, mut offset) = (Vec::new(), 0);
        let compression = self.settings.compression;
        for partition in 0..self.reduces {
            self.pulse.beat()?;
            let mut pairs = pairs_of(partition)?;
            let mut writer = SegmentWriter::new(&mut *out, offset, compression);
            Combining {
                combine: &mut self.combine,
                check: self.settings.check,
                // A combiner may not mix keys, even where the reducer's groups do.
                group_len: &|key| key.len(),
                counters: &mut self.counters,
                file: &file,
            }
            .write(&mut *pairs, &mut writer)?;
            let range = writer.finish().map_err(unwritable)?;
            offset += range.length;
            self.counters.task("SPILLED_RECORDS", range.records);
            segments.push(range);
        }
        out.flush().map_err(unwritable)?;
        Ok(Spill { file, segments })
    }

    /// Merges some spills into one, and removes them.
    fn merge(&mut self, spills: &[Spill]) -> Result<Spill, Box<TaskError>> {
        let (scratch, progress) = (self.scratch, self.progress);
        let merged = self.write_file("merged", |partition| {
            let mut runs = Vec::new();
            for spill in spills {
                let range = spill.segments[partition as usize];
                if range.records == 0 {
                    continue;
                }
                let name = Name::Scratch(spill.file.clone());
                let input = scratch.open(&spill.file, range.offset);
                let input = input.map_err(|error| name.unreadable(error))?;
                runs.push((name, SegmentReader::new(input)));
            }
            let (pairs, pulse) = (Merged::new(runs)?, Pulse::new(progress));
            Ok(Box::new(Watched { pairs, pulse }))
        })?;
        for spill in spills {
            let removed = scratch.remove(&spill.file);
            removed.map_err(|error| TaskError::Scratch {
                what: "remove",
                file: spill.file.clone(),
                error,
            })?;
        }
        Ok(merged)
    }

    /// After the last pair: one file of all spills.
    pub(crate) fn finish(mut self) -> Result<MapOutput, Box<TaskError>> {
        if !self.buffer.is_empty() || self.spills.is_empty() {
            self.spill()?;
        }
        // The buffer's memory is not needed any more.
        self.buffer = SortBuffer::new(0, false);
        let spills = std::mem::take(&mut self.spills);
        let factor = self.settings.factor;
        let mut spills = narrow(spills, factor, |batch| self.merge(&batch))?;
        if spills.len() > 1 {
            spills = vec![self.merge(&spills)?];
        }
        let Some(Spill { file, segments }) = spills.pop() else {
            unreachable!("at least one spill was written");
        };
        let counters = &mut self.counters;
        counters.task("MAP_OUTPUT_RECORDS", self.records);
        counters.task("MAP_OUTPUT_BYTES", self.bytes);
        let materialized = segments.iter().map(|range| range.length).sum();
        counters.task("MAP_OUTPUT_MATERIALIZED_BYTES", materialized);
        Ok(MapOutput {
            file,
            segments,
            counters: self.counters,
        })
    }
}

impl Collect for MapOutputBuffer<'_> {
    fn collect(&mut self, key: &[u8], value: &[u8]) -> Result<(), RecordError> {
        self.pulse.beat()?;
        if !matches!(self.combine, Combine::Fold(_)) {
            return self.take(0, (key, value));
        }
        self.waiting.push(key, value);
        if self.waiting.pairs.len() < TOUCHED_MAX {
            return Ok(());
        }
        self.end_of_record()
    }

    fn end_of_record(&mut self) -> Result<(), RecordError> {
        if self.waiting.pairs.is_empty() {
            return Ok(());
        }
        let mut waiting = std::mem::take(&mut self.waiting);
        let hashes = waiting.pairs.iter().map(|(hash, ..)| *hash);
        self.buffer.touch(hashes);
        let taken = (waiting.pairs()).try_for_each(|(hash, pair)| self.take(hash, pair));
        waiting.bytes.clear();
        waiting.pairs.clear();
        self.waiting = waiting;
        taken
    }

    fn count(&mut self, group: &str, name: &str, by: u64) {
        self.counters.add(group, name, by);
    }
}
