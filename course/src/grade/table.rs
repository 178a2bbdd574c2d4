//! Results for a person to read.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::result::{ExerciseResult, Fate, Status, SubmissionResult, TestResult};

/// As many lines of a failure's message are shown.
const MESSAGE_LINES: usize = 6;
/// As many ignored files are named.
const IGNORED_MAX: usize = 20;

/// Points as people write them: `7`, `6.7`.
pub(crate) fn points(points: f64) -> String {
    let text = format!("{points:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A submission: its exercises with their points, and why some are missing.
pub(crate) fn submission(result: &SubmissionResult) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_submission(&mut out, result);
    out
}

fn write_submission(out: &mut String, result: &SubmissionResult) -> std::fmt::Result {
    writeln!(out, "\n━━ {}", result.name)?;
    let width = result
        .exercises
        .iter()
        .map(|exercise| exercise.id.len())
        .max()
        .unwrap_or(0);
    for exercise in &result.exercises {
        let got = format!("{:>5} of {}", points(exercise.points), exercise.points_max);
        let bonus = if exercise.optional { ", a bonus" } else { "" };
        let tests = format!("{} of {} tests", exercise.passed(), exercise.tests.len());
        writeln!(
            out,
            "{:width$}  {got:<12} {tests}{bonus}{}",
            exercise.id,
            untouched(exercise)
        )?;
        for test in shown(exercise) {
            writeln!(out, "    {} {}", test.name, verb(test.status))?;
            indent(out, &test.message)?;
        }
        write_waiting(out, exercise)?;
    }
    let optional = result.exercises.iter().filter(|exercise| exercise.optional);
    let bonus: f64 = optional.map(|exercise| exercise.points).sum();
    let percent = 100.0 * (result.points - bonus) / f64::from(result.points_max.max(1));
    writeln!(
        out,
        "{:width$}  {:>5} of {} points ({percent:.0} %){}, in {:.0} s",
        "total",
        points(result.points - bonus),
        result.points_max,
        if bonus > 0.0 {
            format!(", and a bonus of {}", points(bonus))
        } else {
            String::new()
        },
        result.seconds
    )?;
    for krate in result.crates.iter().filter(|krate| !krate.compiles) {
        writeln!(out, "{} does not compile as handed in:", krate.name)?;
        indent(out, &krate.errors)?;
    }
    for file in &result.files {
        let why = match file.fate {
            Fate::Taken | Fate::Missing => None,
            Fate::Refused => Some("is refused, and graded as untouched:"),
            Fate::DoesNotCompile => Some("does not compile, and is graded as untouched"),
        };
        if let Some(why) = why {
            writeln!(out, "{} {why}", file.path)?;
            indent(out, &file.reasons.join("\n"))?;
        }
        if !file.remarks.is_empty() {
            writeln!(out, "{}: not forbidden, but no core does it:", file.path)?;
            indent(out, &file.remarks.join("\n"))?;
        }
    }
    let missing = result
        .files
        .iter()
        .filter(|file| file.fate == Fate::Missing);
    let missing: Vec<&str> = missing.map(|file| file.path.as_str()).collect();
    if !missing.is_empty() {
        writeln!(out, "not handed in: {}", missing.join(", "))?;
    }
    if !result.ignored.is_empty() {
        writeln!(out, "ignored, though it is not as it was handed out:")?;
        for path in result.ignored.iter().take(IGNORED_MAX) {
            writeln!(out, "      {path}")?;
        }
        if result.ignored.len() > IGNORED_MAX {
            writeln!(out, "      and {} more", result.ignored.len() - IGNORED_MAX)?;
        }
    }
    Ok(())
}

/// What is said of an exercise of which nothing was written.
fn untouched(exercise: &ExerciseResult) -> &'static str {
    let is = |status| exercise.tests.iter().all(|test| test.status == status);
    if is(Status::Todo) {
        ", not begun"
    } else if is(Status::NotBuilt) {
        ", not compiled"
    } else {
        ""
    }
}

/// The tests of an exercise that need a word each.
fn shown(exercise: &ExerciseResult) -> impl Iterator<Item = &TestResult> {
    let is_quiet = !untouched(exercise).is_empty();
    let tests = exercise.tests.iter();
    tests.filter(move |test| !is_quiet && !matches!(test.status, Status::Ok | Status::Todo))
}

/// A line on the tests that came to a stub, of this exercise or of one that it needs.
fn write_waiting(out: &mut String, exercise: &ExerciseResult) -> std::fmt::Result {
    let waiting = exercise
        .tests
        .iter()
        .filter(|test| test.status == Status::Todo);
    let ids: BTreeSet<&str> = waiting
        .clone()
        .filter_map(|test| test.message.split(' ').next())
        .collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    if ids.is_empty() || !untouched(exercise).is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "    {} more come to what is not written yet: {}",
        waiting.count(),
        ids.join(", ")
    )
}

fn verb(status: Status) -> &'static str {
    match status {
        Status::Ok => "is ok",
        Status::Failed => "failed",
        Status::Todo => "comes to what is not written yet",
        Status::Timeout => "did not end",
        Status::Crashed => "crashed",
        Status::NotBuilt => "does not compile",
    }
}

fn indent(out: &mut String, text: &str) -> std::fmt::Result {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    for line in lines.by_ref().take(MESSAGE_LINES) {
        writeln!(out, "      {line}")?;
    }
    match lines.count() {
        0 => Ok(()),
        more => writeln!(out, "      … {more} more lines; --json has them"),
    }
}

/// A class: a line a submission, and for each exercise how it went.
pub(crate) fn class(results: &[SubmissionResult]) -> String {
    let mut out = String::from("\n━━ the class\n");
    // Writing to a string cannot fail.
    let _ = write_class(&mut out, results);
    out
}

fn write_class(out: &mut String, results: &[SubmissionResult]) -> std::fmt::Result {
    let width = results
        .iter()
        .map(|result| result.name.chars().count())
        .max()
        .unwrap_or(0);
    for result in results {
        writeln!(
            out,
            "{:width$}  {:>6} of {}",
            result.name,
            points(result.points),
            result.points_max
        )?;
    }
    let Some(first) = results.first() else {
        return Ok(());
    };
    let count = u32::try_from(results.len()).map_or(1.0, f64::from);
    let mean: f64 = results.iter().map(|result| result.points).sum::<f64>() / count;
    writeln!(
        out,
        "{:width$}  {:>6} of {}",
        "mean",
        points(mean),
        first.points_max
    )?;
    let width = first
        .exercises
        .iter()
        .map(|exercise| exercise.id.len())
        .max()
        .unwrap_or(0);
    writeln!(out, "\n{:width$}  mean  full", "exercise")?;
    for (index, exercise) in first.exercises.iter().enumerate() {
        let of_all: Vec<&ExerciseResult> = results
            .iter()
            .map(|result| &result.exercises[index])
            .collect();
        let mean = of_all.iter().map(|exercise| exercise.points).sum::<f64>() / count;
        let full = of_all
            .iter()
            .filter(|exercise| exercise.passed() == exercise.tests.len())
            .count();
        writeln!(
            out,
            "{:width$}  {:>4}  {full} of {}",
            exercise.id,
            points(mean),
            results.len()
        )?;
    }
    Ok(())
}
