//! `cargo course grade`: what a submission is worth, by the instructor's tests.
//!
//! Of a submission only the files that exercises are about are taken ([`submission`]), and only those that may be run
//! ([`scan`]). They are laid into one workspace with the reference's manifests and tests ([`workbench`]); each test runs in a
//! process of its own, which cannot say by itself that it is ok ([`tests`], [`process`]). What is not taken is graded as
//! untouched, and everything else that a student changed is listed and ignored.

mod answer_key;
mod assess;
mod classroom;
mod contract;
mod gradescope;
mod handed_out;
mod process;
mod result;
mod scan;
mod submission;
mod table;
mod tests;
mod workbench;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

pub(crate) use answer_key::AnswerKey;
use assess::Grader;
use result::SubmissionResult;
pub(crate) use submission::{Found, Submission};

use crate::workspace::Workspace;

/// What to grade, and how.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A student's workspace, some files of it, or a zip archive of either
    #[arg(value_name = "SUBMISSION", required = true)]
    submissions: Vec<PathBuf>,
    /// Write all results to FILE, for programs
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the result of the one submission to FILE, as Gradescope's results.json
    #[arg(long, value_name = "FILE")]
    gradescope: Option<PathBuf>,
    /// Write the result of the one submission to FILE, as GitHub Classroom's reporter reads it
    #[arg(long, value_name = "FILE")]
    classroom: Option<PathBuf>,
    /// Run tests with random inputs with N more of them
    #[arg(long, value_name = "N", default_value_t = 0)]
    seeds: u32,
    /// What those follow from, for all submissions alike; drawn, and written to the results, where it is not given
    #[arg(long, value_name = "SEED")]
    seeds_from: Option<u32>,
    /// Grade the exercises of this crate alone; may be given several times
    #[arg(long, value_name = "CRATE", value_delimiter = ',')]
    only: Vec<String>,
    /// Leave out the exercises that are graded with real processes, which take longest
    #[arg(long)]
    no_processes: bool,
    /// Fail unless every exercise is full: that the reference is proves an installation
    #[arg(long)]
    expect_full: bool,
    /// How long a test may take
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    timeout: u64,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Json<'a> {
    /// Of this format; a field that is added does not raise it.
    version: u32,
    /// Of the course.
    release: &'static str,
    /// How many more random inputs than usual.
    seeds: u32,
    /// What those follow from.
    seeds_from: u32,
    submissions: &'a [SubmissionResult],
}

/// Grades submissions one after the other.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    let one = args.submissions.len() == 1;
    ensure!(
        one || (args.gradescope.is_none() && args.classroom.is_none()),
        "--gradescope and --classroom are about one submission; --json is about many"
    );
    let key = AnswerKey::load(workspace, &args.only, !args.no_processes)?;
    let seeds_from = args.seeds_from.unwrap_or_else(tests::random);
    let settings = tests::Settings {
        time: Duration::from_secs(args.timeout.max(1)),
        seeds: args.seeds,
        seeds_from: u64::from(seeds_from),
    };
    if args.seeds > 0 {
        eprintln!(
            "{} more inputs: --seeds-from {seeds_from} repeats them",
            args.seeds
        );
    }
    let mut grader = Grader::new(workspace, &key, settings)?;
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for path in &args.submissions {
        match grader.grade(path) {
            Ok(result) => {
                write!(io::stdout().lock(), "{}", table::submission(&result))?;
                results.push(result);
            }
            // The others are graded all the same.
            Err(error) if !one => {
                eprintln!("{}: {error:#}", path.display());
                failures.push(path.display().to_string());
            }
            Err(error) => return Err(error),
        }
    }
    if !one {
        write!(io::stdout().lock(), "{}", table::class(&results))?;
    }
    if let Some(file) = &args.json {
        let json = Json {
            version: 1,
            release: env!("CARGO_PKG_VERSION"),
            seeds: args.seeds,
            seeds_from,
            submissions: &results,
        };
        write_json(file, &json)?;
    }
    if let (Some(file), [result]) = (&args.gradescope, &results[..]) {
        write_json(file, &gradescope::results(result))?;
    }
    if let (Some(file), [result]) = (&args.classroom, &results[..]) {
        write_json(file, &classroom::result(result))?;
    }
    let is_full =
        |result: &SubmissionResult| result.exercises.iter().all(|e| e.passed() == e.tests.len());
    ensure!(
        !args.expect_full || results.iter().all(is_full),
        "--expect-full: not every exercise is full"
    );
    ensure!(failures.is_empty(), "not graded: {}", failures.join(", "));
    Ok(())
}

fn write_json(file: &Path, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)? + "\n";
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
