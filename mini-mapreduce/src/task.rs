//! What a task does, from start to end: a map, and a reduce. Who runs which where, and how often, is not known here.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::counters::Counters;
use crate::job::JobError;

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
    /// How much of the task is done, from 0 to 1, and what it has counted. Called every few thousand records.
    fn report(&self, fraction: f64, counters: &Counters);

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
    /// In bytes, before it was compressed.
    pub raw_length: u64,
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
    /// The output cannot be written.
    #[error("cannot write the output: {0}")]
    Output(io::Error),
    /// Nobody wants it any more.
    #[error("cancelled")]
    Cancelled,
}
