//! TeraGen, TeraSort and TeraValidate (sortbenchmark.org; Hadoop's examples): records of 100 bytes, of which the first 10
//! are the key, sorted over all output files.

use crate::input::{Files, InputFormat, RecordReader, splits};
use crate::job::{Emitter, JobError, JobSpec, Mapper, Record, RecordError, Reducer, Split, Values};
use crate::jobs::arguments;
use crate::jobs::rows::RowRng;
use crate::output::OutputFormat;
use crate::partition::{TotalOrderPartitioner, split_points};
use crate::program::Job;

const KEY: usize = 10;
const RECORD: u32 = 100;

/// TeraGen: makes rows. Arguments: how many, a seed.
///
/// # Errors
/// Where the arguments are not its own.
pub fn teragen(spec: &JobSpec) -> Result<Job, JobError> {
    let [rows, seed] = arguments("teragen", spec, "ROWS SEED")?;
    Ok(Job::identity(move |_| Ok(Rows { seed }))
        .input(InputFormat::Rows(rows))
        .output(OutputFormat::Plain))
}

struct Rows {
    seed: u64,
}

impl Mapper for Rows {
    type Key = Vec<u8>;
    type Value = Vec<u8>;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), RecordError> {
        let row_bytes = row_bytes(self.seed, record.position);
        let (key, value) = row_bytes.split_at(KEY);
        out.emit(key, value)
    }
}

/// A row as TeraGen lays it out: 10 bytes of key, 00 11, the row's number as 32 hexadecimal digits, 88 99 AA BB, 12 digits
/// four times each, CC DD EE FF.
fn row_bytes(seed: u64, row: u64) -> [u8; RECORD as usize] {
    let mut rng = RowRng::new(seed, row);
    let mut bytes = [0; RECORD as usize];
    bytes[..8].copy_from_slice(&rng.next().to_be_bytes());
    let more = rng.next().to_be_bytes();
    bytes[8..10].copy_from_slice(&more[..2]);
    bytes[10..12].copy_from_slice(&[0x00, 0x11]);
    bytes[12..44].copy_from_slice(format!("{row:032X}").as_bytes());
    bytes[44..48].copy_from_slice(&[0x88, 0x99, 0xaa, 0xbb]);
    let digits = rng.next().to_be_bytes();
    for (digit, filler) in bytes[48..96].chunks_mut(4).enumerate() {
        let nibble = digits[digit / 2] >> (digit % 2 * 4) & 15;
        filler.fill(b"0123456789ABCDEF"[usize::from(nibble)]);
    }
    bytes[96..].copy_from_slice(&[0xcc, 0xdd, 0xee, 0xff]);
    bytes
}

/// The setting in which TeraSort's bounds between reduces stand, so that all tasks have the same ones.
const POINTS: &str = "mapreduce.totalorderpartitioner.points";

/// TeraSort: sorts rows over all output files. [`sample`] has to have looked at the input before.
///
/// # Errors
/// Where the bounds between reduces are missing or no bounds.
pub fn terasort(spec: &JobSpec) -> Result<Job, JobError> {
    let points = match spec.settings.get(POINTS) {
        Some(points) => unhex(points),
        None if spec.reduces < 2 => Some(Vec::new()),
        None => None,
    };
    let points = points.ok_or_else(|| JobError::Arguments {
        program: "terasort",
        reason: format!(
            "the setting {POINTS} is missing or no list of keys; sampling the input sets it"
        ),
    })?;
    Ok(Job::identity(|_| Ok(KeyedRows))
        .input(InputFormat::Fixed(RECORD))
        .partitioner(TotalOrderPartitioner::new(points))
        .output(OutputFormat::Plain))
}

/// How many keys TeraSort looks at, and in how many splits.
const SAMPLED_KEYS: usize = 100_000;
const SAMPLED_SPLITS: usize = 10;

/// Looks at some keys of TeraSort's input, and puts bounds between reduces into the job's settings.
///
/// # Errors
/// Where the input cannot be read.
pub fn sample(spec: &mut JobSpec, files: &dyn Files) -> Result<(), JobError> {
    let format = InputFormat::Fixed(RECORD);
    let splits = splits(format, spec, files)?;
    let step = splits.len().div_ceil(SAMPLED_SPLITS).max(1);
    let from_each = SAMPLED_KEYS / splits.len().clamp(1, SAMPLED_SPLITS);
    let mut keys = Vec::new();
    for split in splits.iter().step_by(step) {
        let failed = |error: std::io::Error| JobError::Input {
            path: split.path.clone(),
            reason: error.to_string(),
        };
        let mut rows = RecordReader::open(format, split, 0, files).map_err(failed)?;
        for _ in 0..from_each {
            match rows.next_record().map_err(failed)? {
                Some(row) => keys.push(row.value[..KEY].to_vec()),
                None => break,
            }
        }
    }
    let points = split_points(keys, spec.reduces);
    spec.settings.0.insert(POINTS.to_owned(), hex(&points));
    Ok(())
}

fn hex(points: &[Vec<u8>]) -> String {
    let hex = |point: &Vec<u8>| point.iter().map(|byte| format!("{byte:02x}")).collect();
    points.iter().map(hex).collect::<Vec<String>>().join(",")
}

fn unhex(points: &str) -> Option<Vec<Vec<u8>>> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let points = points.split(',').filter(|point| !point.is_empty());
    points
        .map(|point| point.as_bytes().chunks(2).map(byte).collect())
        .collect()
}

struct KeyedRows;

impl Mapper for KeyedRows {
    type Key = Vec<u8>;
    type Value = Vec<u8>;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, Vec<u8>, Vec<u8>>,
    ) -> Result<(), RecordError> {
        let (key, value) = record.value.split_at(KEY);
        out.emit(key, value)
    }
}

/// TeraValidate: says what is wrong with the order of sorted files, if anything is, and the sum of all rows' checksums, which
/// is the same before and after sorting. Its output is one line `checksum SUM` where all is well, and `misorder …` before it.
///
/// # Errors
/// None.
pub fn teravalidate(_: &JobSpec) -> Result<Job, JobError> {
    let mapper = |split: &Split| {
        Ok(CheckOrder {
            split: split.clone(),
            first: None,
            last: Vec::new(),
            sum: 0,
        })
    };
    Ok(Job::new(mapper, || CheckBounds { last: None, sum: 0 }).input(InputFormat::Fixed(RECORD)))
}

/// What a map has seen: first [`RANGE`] or [`MISORDER`], then a sum of checksums, and two keys: a range's first and last, or one
/// that is not above the other.
type Finding = (u64, (u64, (Vec<u8>, Vec<u8>)));

const RANGE: u64 = 0;
const MISORDER: u64 = 1;

struct CheckOrder {
    split: Split,
    first: Option<Vec<u8>>,
    last: Vec<u8>,
    sum: u64,
}

impl CheckOrder {
    /// A key by which the reduce sees splits in the order of the files.
    fn place(&self) -> String {
        format!("{} {:020}", self.split.path, self.split.offset)
    }
}

impl Mapper for CheckOrder {
    type Key = String;
    type Value = Finding;

    fn map(
        &mut self,
        record: &Record<'_>,
        out: &mut Emitter<'_, String, Finding>,
    ) -> Result<(), RecordError> {
        let key = &record.value[..KEY];
        if self.first.is_none() {
            self.first = Some(key.to_vec());
        } else if key < self.last.as_slice() {
            out.count("TeraValidate", "MISORDERED", 1);
            let place = format!("{} byte {}", self.split.path, record.position);
            out.emit(&place, (MISORDER, (0, (key.into(), &self.last))))?;
        }
        self.last.clear();
        self.last.extend_from_slice(key);
        self.sum = self
            .sum
            .wrapping_add(u64::from(crc32c::crc32c(record.value)));
        Ok(())
    }

    fn finish(&mut self, out: &mut Emitter<'_, String, Finding>) -> Result<(), RecordError> {
        let Some(first) = self.first.take() else {
            return Ok(());
        };
        let place = self.place();
        out.emit(&place, (RANGE, (self.sum, (first.into(), &self.last))))
    }
}

struct CheckBounds {
    last: Option<Vec<u8>>,
    sum: u64,
}

impl Reducer for CheckBounds {
    type Key = String;
    type Value = Finding;
    type OutKey = String;
    type OutValue = String;

    fn reduce(
        &mut self,
        place: &str,
        values: &mut Values<'_, String, Finding>,
        out: &mut Emitter<'_, String, String>,
    ) -> Result<(), RecordError> {
        while let Some((kind, (sum, (first, last)))) = values.next_value()? {
            let is_behind = self.last.as_deref().is_some_and(|before| *first < *before);
            if kind == MISORDER || is_behind {
                let key = first.escape_ascii();
                out.emit(
                    "misorder",
                    &format!("{place}: {key} is behind a larger key"),
                )?;
            }
            if kind == RANGE {
                self.sum = self.sum.wrapping_add(sum);
                self.last = Some(last.to_vec());
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Emitter<'_, String, String>) -> Result<(), RecordError> {
        out.emit("checksum", &format!("{:x}", self.sum))
    }
}
