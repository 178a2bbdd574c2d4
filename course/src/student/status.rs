//! `cargo course status`: what is done, what comes next, and points.
//!
//! It runs the graded tests with `--report`, which prints a line for each test, and adds them up by exercise. A test that
//! runs into a stub says whose stub it was.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde::Serialize;

use super::{Handout, stubs};
use crate::catalogue::Exercise;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print it for programs
    #[arg(long)]
    json: bool,
}

/// How far an exercise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Done,
    Begun,
    NotBegun,
    /// Its crate does not compile.
    Unknown,
    /// Graded with real processes, once what it needs is done.
    Outside,
}

/// What is known of an exercise.
#[derive(Clone, Debug, Serialize)]
struct Row {
    id: String,
    title: String,
    #[serde(rename = "crate")]
    krate: String,
    state: State,
    points: f64,
    of: u32,
    tests: usize,
    passed: usize,
    optional: bool,
    /// Exercises whose stubs its tests ran into.
    waits_for: Vec<String>,
    /// Where its stubs are: `mini-hdfs/src/path.rs:40`.
    to_do: Vec<String>,
    book: String,
    /// What runs its tests alone.
    command: String,
}

#[derive(Serialize)]
struct Status<'a> {
    title: &'a str,
    release: &'a str,
    points: f64,
    of: u32,
    next: Option<&'a str>,
    exercises: &'a [Row],
}

/// How the tests of an exercise ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    tests: usize,
    passed: usize,
    /// Whose stubs were met, its own among them.
    stubs: Vec<String>,
}

/// Tests everything, and shows the sum.
pub(super) fn run(args: &Args, handout: &Handout) -> Result<ExitCode> {
    let mut rows = Vec::new();
    for krate in handout.catalogue.crates() {
        let report = report(handout, krate)?;
        let places = stubs::places(&handout.root, krate)?;
        for exercise in handout.catalogue.of_crate(krate) {
            let to_do = places.get(&exercise.id).cloned().unwrap_or_default();
            let given = handout.marker.stubs.get(&exercise.id).copied();
            let tally = report.as_ref().map(|report| report.get(&exercise.id));
            rows.push(row(exercise, tally, to_do, given.unwrap_or_default()));
        }
    }
    // The list's order is the order to learn in, whichever crate an exercise is in.
    rows.sort_by_key(|row| handout.catalogue.position(&row.id).unwrap_or(usize::MAX));

    let next = next(&rows);
    if args.json {
        let status = Status {
            title: &handout.marker.title,
            release: &handout.marker.release,
            points: rows.iter().map(|row| row.points).sum(),
            of: rows.iter().map(|row| row.of).sum(),
            next: next.map(|row| row.id.as_str()),
            exercises: &rows,
        };
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &status).context("cannot print the status")?;
        writeln!(out)?;
    } else {
        let colour = io::stdout().is_terminal();
        io::stdout().write_all(text(handout, &rows, next, colour).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The tallies of a crate's exercises; none when it does not compile, which the compiler has told by then.
fn report(handout: &Handout, krate: &str) -> Result<Option<BTreeMap<String, Tally>>> {
    let cargo = |options: &[&str]| {
        let mut cargo = handout.cargo();
        cargo.args(["test", "--package", krate, "--test", "graded"]);
        cargo.args(options).output().context("cannot run cargo")
    };
    if io::stderr().is_terminal() {
        eprintln!("testing {krate} …");
    }
    let built = cargo(&["--no-run"])?;
    if !built.status.success() {
        io::stderr().write_all(&built.stderr)?;
        return Ok(None);
    }
    let output = cargo(&["--quiet", "--", "--report"])?;
    Ok(Some(tallies(&String::from_utf8_lossy(&output.stdout))))
}

/// Adds up the lines `EXERCISE⇥TEST⇥ok|failed|timeout|todo:ID`.
fn tallies(report: &str) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for line in report.lines() {
        let [exercise, _, outcome] = line.split('\t').collect::<Vec<_>>()[..] else {
            continue;
        };
        let tally = tallies.entry(exercise.to_owned()).or_default();
        tally.tests += 1;
        tally.passed += usize::from(outcome == "ok");
        if let Some(id) = outcome.strip_prefix("todo:") {
            tally.stubs.push(id.to_owned());
        }
    }
    for tally in tallies.values_mut() {
        tally.stubs.sort();
        tally.stubs.dedup();
    }
    tallies
}

/// `tally` is none where the crate does not compile; `given` is how many stubs the exercise began with.
fn row(
    exercise: &Exercise,
    tally: Option<Option<&Tally>>,
    to_do: Vec<String>,
    given: usize,
) -> Row {
    let compiles = tally.is_some();
    let tally = tally.flatten().cloned().unwrap_or_default();
    let untouched = if given > 0 {
        to_do.len() >= given
    } else {
        tally.passed == 0
    };
    let state = if !exercise.has_marks() {
        State::Outside
    } else if !compiles {
        State::Unknown
    } else if tally.tests > 0 && tally.passed == tally.tests && to_do.is_empty() {
        State::Done
    } else if untouched {
        State::NotBegun
    } else {
        State::Begun
    };
    // What passes without a line of the student's is not shown as his points; it counts once he has begun.
    let counts = matches!(state, State::Done | State::Begun);
    let share = if counts && tally.tests > 0 {
        f64::from(exercise.points) * tally.passed as f64 / tally.tests as f64
    } else {
        0.0
    };
    Row {
        id: exercise.id.clone(),
        title: exercise.title.clone(),
        krate: exercise.krate.clone(),
        state,
        points: (share * 10.0).round() / 10.0,
        of: exercise.points,
        tests: tally.tests,
        passed: tally.passed,
        optional: exercise.optional,
        waits_for: (tally.stubs.into_iter())
            .filter(|id| *id != exercise.id)
            .collect(),
        to_do,
        book: format!("book/src/{}", exercise.book),
        command: exercise.test_command(),
    }
}

/// The first that is left to do, those of the core before optional ones.
fn next(rows: &[Row]) -> Option<&Row> {
    let left = |row: &&Row| row.state != State::Done && row.state != State::Outside;
    (rows.iter().filter(left).find(|row| !row.optional)).or_else(|| rows.iter().find(left))
}

fn text(handout: &Handout, rows: &[Row], next: Option<&Row>, colour: bool) -> String {
    let mut lines = vec![handout.marker.title.clone(), String::new()];
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or_default();
    let (ids, titles) = (width(|row| row.id.len()), width(|row| row.title.len()));
    let mut krate = "";
    for row in rows {
        if row.krate != krate {
            krate = &row.krate;
            lines.push(format!("  {krate}"));
        }
        let (code, word) = match row.state {
            State::Done => ("32", "done"),
            State::Begun => ("33", "begun"),
            State::NotBegun => ("90", "-"),
            State::Unknown => ("31", "?"),
            State::Outside => ("90", "later"),
        };
        let word = format!("{word:5}");
        let word = if colour {
            format!("\x1b[{code}m{word}\x1b[0m")
        } else {
            word
        };
        let line = format!(
            "    {word}  {:ids$}  {:titles$}  {:>4}/{:<3} {}",
            row.id,
            row.title,
            row.points,
            row.of,
            note(row)
        );
        lines.push(line.trim_end().to_owned());
    }
    let points: f64 = rows.iter().map(|row| row.points).sum();
    let of: u32 = rows.iter().map(|row| row.of).sum();
    lines.push(format!("\n  {points} of {of} points\n"));
    lines.push(advice(rows, next));
    lines.join("\n") + "\n"
}

/// What is worth saying of an exercise besides its points.
fn note(row: &Row) -> String {
    match row.state {
        State::Begun if row.waits_for.is_empty() => {
            format!("{} of {} tests pass", row.passed, row.tests)
        }
        State::Begun => format!(
            "{} of {} tests pass; some wait for {}",
            row.passed,
            row.tests,
            row.waits_for.join(", ")
        ),
        State::Unknown => format!("{} does not compile", row.krate),
        State::Outside => "with real processes, once the others are done".to_owned(),
        State::NotBegun if row.optional => "optional".to_owned(),
        State::Done | State::NotBegun => String::new(),
    }
}

/// What to do next.
fn advice(rows: &[Row], next: Option<&Row>) -> String {
    let Some(next) = next else {
        let outside: Vec<String> = (rows.iter())
            .filter(|row| row.state == State::Outside)
            .map(|row| format!("  {}: {}", row.id, row.book))
            .collect();
        return if outside.is_empty() {
            "All done.".to_owned()
        } else {
            format!(
                "All done but what real processes show:\n{}",
                outside.join("\n")
            )
        };
    };
    if next.state == State::Unknown {
        return format!(
            "{} does not compile: what the compiler says is above. `cargo check --package {}` says it again.",
            next.krate, next.krate
        );
    }
    let mut lines = vec![
        format!("Next: {} ({})", next.title, next.id),
        format!("  read   {}", next.book),
    ];
    for (index, place) in next.to_do.iter().enumerate() {
        let label = if index == 0 { "write" } else { "" };
        lines.push(format!("  {label:5}  {place}"));
    }
    lines.push(format!("  test   {}", next.command));
    lines.push(format!("  hint   cargo course hint {}", next.id));
    lines.join("\n")
}
