//! Input: files become splits, one for each map, and splits become records. A split is cut at any byte, wherever a block of
//! the file system ends; which records are its own is for the readers to say ([`lines`], [`fixed`]). A compressed file
//! cannot be read from the middle, so it is one split; so is a row group of a Parquet file, which is listed as a file of lines.

use std::cmp::Reverse;
use std::io::{self, Read};

use crate::job::{JobError, JobSpec, Record, Split, TASKS_MAX};

pub mod fixed;
pub mod lines;

use fixed::FixedReader;
use lines::LineReader;

/// How a file is cut into records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputFormat {
    /// A line each, with LF or CRLF at its end: `TextInputFormat`.
    Lines,
    /// The same, with the key before the first tab and the value behind it; without a tab, all is key:
    /// `KeyValueTextInputFormat`.
    KeyValue,
    /// So many bytes each: `FixedLengthInputFormat`.
    Fixed(u32),
    /// No files but so many rows, which the maps make themselves: a split is a range of rows, and a record, without bytes, has a row's number for its
    /// position. `mapreduce.job.maps` says how many splits. TeraGen's.
    Rows(u64),
}

/// Where input comes from: local files, mini-hdfs, or memory in tests.
pub trait Files {
    /// The files that a path means, in the order of their names: a file, all of a directory but what begins with `_` or
    /// `.`, or what matches a glob.
    ///
    /// # Errors
    /// Where there is no such file, or it cannot be looked at.
    fn list(&self, path: &str) -> io::Result<Vec<File>>;

    /// A file's bytes, from an offset on. Of a compressed one, what was compressed, from its beginning.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn open(&self, path: &str, offset: u64) -> io::Result<Box<dyn Read + Send>>;
}

/// A file, as it is before it is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// As [`Files::open`] takes it.
    pub path: String,
    /// In bytes.
    pub length: u64,
    /// The size of the file system's blocks, in bytes.
    pub block: u64,
    /// Where its blocks are, in order; none where that does not matter.
    pub blocks: Vec<Place>,
}

/// Where the replicas of a block are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The machines.
    pub hosts: Vec<String>,
    /// The racks in which those stand, as far as the file system knows, each once.
    pub racks: Vec<String>,
}

/// Whether a file has to be read from its beginning.
pub fn is_compressed(path: &str) -> bool {
    path.ends_with(".gz")
}

/// Whether a path is that of a table, a Parquet file: it, or the directory that it is in, is called so.
pub fn is_table(path: &str) -> bool {
    let mut names = path.rsplit('/').take(2);
    names.any(|name| name.ends_with(".parquet"))
}

/// A table's path, columns (none: all) and number of a row group, of `PATH#COLUMNS#NUMBER`: what a row group is called where files are listed.
pub fn row_group(path: &str) -> Option<(&str, &str, usize)> {
    let (path, number) = path.rsplit_once('#')?;
    let (table, columns) = path.rsplit_once('#')?;
    is_table(table).then_some((table, columns, number.parse().ok()?))
}

/// Whether a file is one split, and what is read of it is longer or shorter than itself.
fn is_whole(path: &str) -> bool {
    is_compressed(path) || row_group(path).is_some()
}

/// Ranges of rows, as even as can be.
fn rows_of_each(rows: u64, maps: u64) -> Vec<Split> {
    let (each, left) = (rows / maps, rows % maps);
    let mut offset = 0;
    let ranges = (0..maps).map(|map| {
        let length = each + u64::from(map < left);
        offset += length;
        Split {
            path: "rows".to_owned(),
            offset: offset - length,
            length,
            hosts: Vec::new(),
            racks: Vec::new(),
        }
    });
    ranges.filter(|split| split.length > 0).collect()
}

/// No record that begins here, or behind, belongs to a split.
fn end_of(split: &Split) -> u64 {
    if is_whole(&split.path) {
        u64::MAX
    } else {
        split.offset.saturating_add(split.length)
    }
}

/// The last split of a file may be longer than the others by a tenth, so that no map gets a few bytes only.
const SLOP_PERCENT: u128 = 110;

/// A job's input as splits, the largest first, so that no long map begins last.
///
/// # Errors
/// Where an input cannot be read, or there would be too many splits.
pub fn splits(
    format: InputFormat,
    spec: &JobSpec,
    files: &dyn Files,
) -> Result<Vec<Split>, JobError> {
    if let InputFormat::Rows(rows) = format {
        let maps: u64 = (spec.settings).parse("mapreduce.job.maps", 2)?;
        if maps > u64::from(TASKS_MAX) {
            return Err(JobError::TooMany {
                what: format!("{maps} maps were asked for"),
                advice: "set mapreduce.job.maps to fewer",
            });
        }
        return Ok(rows_of_each(rows, maps.max(1)));
    }
    let min: u64 = (spec.settings).parse("mapreduce.input.fileinputformat.split.minsize", 1)?;
    let max: u64 =
        (spec.settings).parse("mapreduce.input.fileinputformat.split.maxsize", u64::MAX)?;
    let mut splits = Vec::new();
    for path in &spec.inputs {
        let failed = |reason: String| JobError::Input {
            path: path.clone(),
            reason,
        };
        let found = (files.list(path)).map_err(|error| failed(error.to_string()))?;
        if found.is_empty() {
            return Err(failed("no file matches".to_owned()));
        }
        for file in &found {
            let size = file.block.min(max).max(min).max(1);
            let all = splits.len() as u64 + file.length.div_ceil(size);
            if all > u64::from(TASKS_MAX) && !is_whole(&file.path) {
                return Err(JobError::TooMany {
                    what: format!(
                        "the input up to {} becomes {all} splits, of {size} bytes in that file",
                        file.path
                    ),
                    advice: "set mapreduce.input.fileinputformat.split.minsize to more bytes, or split.maxsize if that is set",
                });
            }
            cut(file, size, &mut splits);
        }
    }
    splits.sort_by_key(|split: &Split| Reverse(split.length));
    Ok(splits)
}

fn cut(file: &File, size: u64, splits: &mut Vec<Split>) {
    // Where no block is nearer than another, as many as else, but even: no worker waits for the last of them longer than it has to.
    let size = match file.blocks.is_empty() {
        true => {
            let more = file.length % size > size / 10;
            (file.length).div_ceil((file.length / size + u64::from(more)).max(1))
        }
        false => size,
    };
    let mut offset = 0;
    while offset < file.length {
        let left = file.length - offset;
        let is_last =
            is_whole(&file.path) || u128::from(left) * 100 <= u128::from(size) * SLOP_PERCENT;
        let length = if is_last { left } else { size };
        let block = usize::try_from(offset / file.block.max(1)).unwrap_or(usize::MAX);
        let Place { hosts, racks } = file.blocks.get(block).cloned().unwrap_or_default();
        splits.push(Split {
            path: file.path.clone(),
            offset,
            length,
            hosts,
            racks,
        });
        offset += length;
    }
}

/// The records of a split.
pub enum RecordReader {
    /// Lines.
    Lines(LineReader),
    /// Lines, cut at a tab.
    KeyValue(LineReader),
    /// Records of a fixed length.
    Fixed(FixedReader),
    /// Numbers of rows: the next one, and the one behind the last.
    Rows(u64, u64),
}

impl RecordReader {
    /// A split's records.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn open(
        format: InputFormat,
        split: &Split,
        line_bytes_max: usize,
        files: &dyn Files,
    ) -> io::Result<RecordReader> {
        let lines = || LineReader::open(split, line_bytes_max, files);
        Ok(match format {
            InputFormat::Lines => RecordReader::Lines(lines()?),
            InputFormat::KeyValue => RecordReader::KeyValue(lines()?),
            InputFormat::Fixed(length) => {
                RecordReader::Fixed(FixedReader::open(split, length, files)?)
            }
            InputFormat::Rows(_) => RecordReader::Rows(split.offset, end_of(split)),
        })
    }

    /// The next record, if there is one.
    ///
    /// # Errors
    /// Where the file cannot be read, or does not hold such records.
    pub fn next_record(&mut self) -> io::Result<Option<Record<'_>>> {
        match self {
            RecordReader::Lines(lines) => lines.next_record(),
            RecordReader::KeyValue(lines) => Ok(lines.next_record()?.map(|line| {
                let (key, value) = key_and_value(line.value);
                Record { key, value, ..line }
            })),
            RecordReader::Fixed(records) => records.next_record(),
            RecordReader::Rows(next, end) => {
                let position = *next;
                *next += u64::from(position < *end);
                Ok((position < *end).then_some(Record {
                    position,
                    key: &[],
                    value: &[],
                }))
            }
        }
    }

    /// How far it has read in its file, in bytes.
    pub fn position(&self) -> u64 {
        match self {
            RecordReader::Lines(lines) | RecordReader::KeyValue(lines) => lines.position(),
            RecordReader::Fixed(records) => records.position(),
            RecordReader::Rows(next, _) => *next,
        }
    }
}

/// A line cut at its first tab.
pub fn key_and_value(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\t', line) {
        Some(tab) => (&line[..tab], &line[tab + 1..]),
        None => (line, &[]),
    }
}
