//! The load: jobs, one after the other, each of whose outputs is compared with what a sequential program makes of the input. Text is made by a
//! job, its words are counted by another one; tables are joined.

use std::fs;
use std::path::PathBuf;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use mini_mapreduce::job::Settings;

use super::work::{self, Expected, Work};
use super::{MapReduce, Wrong};
use crate::load::{Outcome, Worker, Workload};

/// Lines and different words of a text, rows and keys of tables.
const LINES: &str = "2000";
const WORDS: &str = "500";
const ROWS: usize = 2000;
const KEYS: u64 = 200;
const REDUCES: u32 = 2;

pub(super) struct JobLoad {
    map_reduce: Weak<MapReduce>,
    seed: AtomicU64,
}

impl JobLoad {
    pub(super) fn new(map_reduce: Weak<MapReduce>) -> JobLoad {
        JobLoad {
            map_reduce,
            seed: AtomicU64::new(0),
        }
    }
}

impl Workload for JobLoad {
    fn worker(&self, number: u64) -> Box<dyn Worker> {
        let seed = self.seed.fetch_add(1 << 32, Ordering::Relaxed) + number;
        Box::new(Submitter {
            map_reduce: self.map_reduce.clone(),
            seed,
            text: None,
        })
    }

    fn wrong(&self, text: &str) {
        if let Some(map_reduce) = self.map_reduce.upgrade() {
            map_reduce.found_wrong(text);
        }
    }
}

struct Submitter {
    map_reduce: Weak<MapReduce>,
    seed: u64,
    /// A text whose words are not counted yet.
    text: Option<PathBuf>,
}

impl Worker for Submitter {
    fn operate(&mut self) -> Outcome {
        let Some(map_reduce) = self.map_reduce.upgrade() else {
            return Outcome::Failed("the cluster is gone".to_owned());
        };
        self.seed += 1;
        let done = match self.text.take() {
            Some(text) => count(&map_reduce, text).map(Outcome::Checked),
            None if self.seed.is_multiple_of(3) => {
                join(&map_reduce, self.seed).map(Outcome::Checked)
            }
            None => self.write(&map_reduce),
        };
        done.unwrap_or_else(|e| match e.is::<Wrong>() {
            true => Outcome::Wrong(format!("{e:#}")),
            false => Outcome::Failed(reason(&format!("{e:#}"))),
        })
    }
}

impl Submitter {
    /// Has a text made.
    fn write(&mut self, map_reduce: &MapReduce) -> Result<Outcome> {
        let dir = map_reduce.new_dir("text");
        let seed = self.seed.to_string();
        let spec = work::spec("zipftext", &[LINES, WORDS, &seed], Vec::new(), &dir, 0);
        map_reduce.submit(&spec)?;
        let parts = parts(&dir)?;
        self.text = Some(dir);
        Ok(Outcome::Acknowledged(
            parts.iter().map(|part| part.len() as u64).sum(),
        ))
    }
}

fn parts(dir: &PathBuf) -> Result<Vec<Vec<u8>>> {
    let unreadable = || format!("{} cannot be read", dir.display());
    let mut parts = Vec::new();
    for entry in fs::read_dir(dir).with_context(unreadable)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("part-") {
            parts.push(fs::read(entry.path()).with_context(unreadable)?);
        }
    }
    Ok(parts)
}

/// Has the words of a text counted. How many bytes that were.
fn count(map_reduce: &MapReduce, text: PathBuf) -> Result<u64> {
    let parts = parts(&text)?;
    let input = vec![text.display().to_string()];
    let output = map_reduce.new_dir("counts");
    let spec = work::spec("wordcount", &[], input, &output, REDUCES);
    let expected = work::counted(&parts);
    let counted = compare(map_reduce, spec, expected, parts.concat().len());
    let _ = fs::remove_dir_all(text);
    counted
}

/// Has two tables joined.
fn join(map_reduce: &MapReduce, seed: u64) -> Result<u64> {
    let tables = map_reduce.new_dir("tables");
    fs::create_dir_all(&tables)?;
    let (left, right) = (work::left(seed, ROWS, KEYS, 20), work::right(KEYS));
    let path = |name: &str| tables.join(name).display().to_string();
    fs::write(path("left"), &left)?;
    fs::write(path("right"), &right)?;
    let output = map_reduce.new_dir("joined");
    let inputs = vec![path("left"), path("right")];
    let salt: &[&str] = if seed.is_multiple_of(2) { &["4"] } else { &[] };
    let spec = work::spec("join", salt, inputs, &output, REDUCES);
    let bytes = left.len() + right.len();
    let joined = compare(map_reduce, spec, work::joined(&[left], &right), bytes);
    let _ = fs::remove_dir_all(tables);
    joined
}

fn compare(
    map_reduce: &MapReduce,
    mut spec: mini_mapreduce::job::JobSpec,
    expected: Expected,
    bytes: usize,
) -> Result<u64> {
    // A few maps, though it is small.
    let split = "mapreduce.input.fileinputformat.split.maxsize".to_owned();
    spec.settings = Settings([(split, (bytes / 3 + 1).to_string())].into());
    let work = Work { spec, expected };
    map_reduce.run_quietly(&work)?;
    // What is wrong stays, to be looked at.
    let _ = fs::remove_dir_all(&work.spec.output);
    Ok(bytes as u64)
}

/// Why it failed, without what is different each time.
fn reason(why: &str) -> String {
    let known = [
        ("does not answer", "the coordinator does not answer"),
        ("failed:", "the job failed"),
        ("cannot be read", "its files cannot be read"),
    ];
    let known = known.into_iter().find(|(part, _)| why.contains(part));
    known
        .map_or("it was not taken", |(_, words)| words)
        .to_owned()
}
