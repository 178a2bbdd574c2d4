//! Runs of the graded tests, each with other solutions chosen, as many at a time as there are cores.

use std::num::NonZero;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use super::splice::CHOICE;
use crate::report::{self, Report};
use crate::variants::Variant;

/// A run that takes longer is ended; each test has a limit of its own, far below.
const LIMIT: Duration = Duration::from_secs(180);

/// Threads of one run: more than its share of the cores, since a test that hangs keeps its thread.
const THREADS: &str = "4";

/// Which solution runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The reference of every exercise.
    Reference,
    /// The stub of this exercise, and the reference of the others.
    Stub,
    /// The reference of this exercise, and the stubs of the others.
    Alone,
    /// A variant, by its place in the list, and the reference of the others.
    Variant(usize),
}

/// A run of tests.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The exercise that it says something of; none for the reference.
    pub(super) id: String,
    pub(super) subject: Subject,
    /// The tests that run; all where there is none.
    pub(super) tests: Vec<String>,
}

impl Run {
    pub(super) fn of(id: &str, subject: Subject, tests: Vec<String>) -> Run {
        Run {
            id: id.to_owned(),
            subject,
            tests,
        }
    }

    /// Whether a test ran.
    pub(super) fn has(&self, test: &str) -> bool {
        self.tests.is_empty() || self.tests.iter().any(|name| name == test)
    }

    /// What the environment variable is to hold.
    fn choice(&self, variants: &[Variant]) -> String {
        let id = &self.id;
        match self.subject {
            Subject::Reference => String::new(),
            Subject::Stub => format!("{id}=stub"),
            Subject::Alone => format!("{id}=reference,*=stub"),
            Subject::Variant(index) => format!("{id}={}", variants[index].name),
        }
    }
}

/// A binary of graded tests, and where to run it.
#[derive(Clone, Debug)]
pub(super) struct Binary {
    pub(super) file: PathBuf,
    /// The directory of its package, as cargo would have it.
    pub(super) package: PathBuf,
}

/// Does every run; what each reported is in the same order.
pub(super) fn all(binary: &Binary, runs: &[Run], variants: &[Variant]) -> Result<Vec<Report>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Report)>> {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(run) = runs.get(index) else {
                return Ok(done);
            };
            done.push((index, one(binary, &run.choice(variants), &run.tests)?));
        }
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let mut done = thread::scope(|scope| -> Result<Vec<(usize, Report)>> {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let mut done = Vec::new();
        for worker in workers {
            done.extend(worker.join().ok().context("a worker panicked")??);
        }
        Ok(done)
    })?;
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, report)| report).collect())
}

fn one(binary: &Binary, choice: &str, tests: &[String]) -> Result<Report> {
    let mut command = Command::new(&binary.file);
    command
        .args(["--test-threads", THREADS, "--exact"])
        .args(tests)
        .env(CHOICE, choice)
        .env("CARGO_MANIFEST_DIR", &binary.package)
        // What a failing property would be reduced to, nobody reads.
        .env("PROPTEST_MAX_SHRINK_ITERS", "0")
        .current_dir(&binary.package);
    let with = if choice.is_empty() {
        "the reference"
    } else {
        choice
    };
    report::run(&mut command, LIMIT).with_context(|| format!("the graded tests, run with {with}"))
}
