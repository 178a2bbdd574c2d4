//! The broker's log as it lies on its disk: what segments there are, what is in them; and what a power cut makes of their ends.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use mini_kafka::record::batch::{RecordBatch, batches, stamp};

use super::TopicPartition;

/// A larger file is not read, only measured.
const READ_MAX: u64 = 1 << 20;

/// A segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Its first offset, which its name says.
    pub(crate) base: i64,
    pub(crate) bytes: u64,
    /// Each record with its offset, if that was asked for.
    pub(crate) records: Vec<(i64, Held)>,
}

/// A record that a segment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) key: String,
    /// None for a tombstone.
    pub(crate) value: Option<String>,
}

/// Where the broker that keeps its files in `root` has a partition.
fn directory(root: &Path, (topic, partition): &TopicPartition) -> PathBuf {
    root.join(format!("{topic}-{partition}"))
}

fn files(root: &Path, partition: &TopicPartition) -> Vec<(i64, PathBuf)> {
    let entries = fs::read_dir(directory(root, partition)).into_iter();
    let files = entries.flatten().flatten().filter_map(|entry| {
        let path = entry.path();
        let is_log = path.extension().is_some_and(|e| e == "log");
        let base = path.file_stem()?.to_str()?.parse().ok()?;
        is_log.then_some((base, path))
    });
    let mut files: Vec<_> = files.collect();
    files.sort();
    files
}

/// The segments of a partition, with their records if these are wanted. What is written just now may be there in part.
pub(crate) fn segments(
    root: &Path,
    partition: &TopicPartition,
    with_records: bool,
) -> Vec<Segment> {
    let files = files(root, partition).into_iter();
    let segments = files.map(|(base, path)| {
        // It may have been removed since.
        let bytes = fs::metadata(&path).map_or(0, |file| file.len());
        let content = match with_records && bytes <= READ_MAX {
            true => fs::read(&path).unwrap_or_default(),
            false => Vec::new(),
        };
        let records = batches(&content)
            .map_while(Result::ok)
            .flat_map(|batch| held(&batch));
        let records = records.collect();
        Segment {
            base,
            bytes,
            records,
        }
    });
    segments.collect()
}

fn held(batch: &RecordBatch<'_>) -> Vec<(i64, Held)> {
    let Ok(payload) = batch.payload() else {
        return Vec::new();
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let records = payload.records().map_while(Result::ok).map(|record| {
        let held = Held {
            key: record.key.map(text).unwrap_or_default(),
            value: record.value.map(text),
        };
        (batch.header.offset_of(&record), held)
    });
    records.collect()
}

/// What a power cut leaves of the end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tear {
    /// The last batch had not been synced: half of it is there.
    Last,
    /// Everything had been synced, but a batch that was being written: half of that is there too.
    Next,
}

/// What was done to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    pub(crate) file: PathBuf,
    /// How long it was, and is now.
    pub(crate) before: u64,
    pub(crate) after: u64,
    /// The first offset of the batch that is there in half.
    pub(crate) offset: i64,
}

/// Tears the end of a partition's log. The broker must be down.
pub(crate) fn tear(root: &Path, partition: &TopicPartition, how: Tear) -> Result<Torn> {
    let (topic, number) = partition;
    let last = files(root, partition).pop();
    let (_, file) = last.with_context(|| format!("there is no log of {topic}-{number}"))?;
    let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let last = batches(&content).map_while(Result::ok).last();
    let last = last.with_context(|| format!("{} has no batch to tear", file.display()))?;
    let (len, half) = (last.bytes().len() as u64, last.bytes().len() / 2);
    let before = content.len() as u64;
    ensure!(
        half > 0
            && batches(&content)
                .map_while(Result::ok)
                .map(|b| b.bytes().len() as u64)
                .sum::<u64>()
                == before,
        "{} is torn already",
        file.display()
    );
    let mut out = OpenOptions::new()
        .write(true)
        .append(how == Tear::Next)
        .open(&file)?;
    let offset = match how {
        Tear::Last => {
            out.set_len(before - len + half as u64)?;
            last.header.base_offset
        }
        Tear::Next => {
            let mut next = last.bytes().to_vec();
            let offset = last.header.last_offset() + 1;
            stamp(&mut next, offset, last.header.partition_leader_epoch);
            out.write_all(&next[..half])?;
            offset
        }
    };
    let after = out.metadata()?.len();
    Ok(Torn {
        file,
        before,
        after,
        offset,
    })
}
