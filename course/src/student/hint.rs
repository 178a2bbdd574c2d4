//! `cargo course hint`: one more hint each time, from a nudge to nearly the idea.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::Handout;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The exercise: hdfs/placement
    id: String,
}

/// Shows the hints that were seen already, and one more.
pub(super) fn run(args: &Args, handout: &Handout) -> Result<ExitCode> {
    let exercise = handout.catalogue.get(&args.id)?;
    let file = handout.state("hints.toml")?;
    // A file that is lost or damaged costs nothing but a hint seen twice.
    let mut seen: BTreeMap<String, usize> = fs::read_to_string(&file)
        .ok()
        .and_then(|text| toml::from_str(&text).ok())
        .unwrap_or_default();
    let count = seen.entry(exercise.id.clone()).or_default();
    let shown_before = (*count).min(exercise.hints.len());
    *count = (shown_before + 1).min(exercise.hints.len());
    let count = *count;

    let mut out = io::stdout().lock();
    writeln!(out, "{}: {}\n", exercise.id, exercise.title)?;
    let of = exercise.hints.len();
    for (index, hint) in exercise.hints.iter().take(count).enumerate() {
        let hint = hint.trim().replace('\n', "\n     ");
        writeln!(out, "{:2}/{of} {hint}\n", index + 1)?;
    }
    let book = format!("book/src/{}", exercise.book);
    match (of, of - count) {
        (0, _) => writeln!(out, "It has no hints. The idea is in {book}")?,
        (_, 0) if shown_before == of => {
            writeln!(out, "You have seen them all. The idea is in {book}")?;
        }
        (_, 0) => writeln!(out, "That was the last one. The idea is in {book}")?,
        (_, 1) => writeln!(out, "One more: cargo course hint {}", exercise.id)?,
        (_, more) => writeln!(out, "{more} more: cargo course hint {}", exercise.id)?,
    }

    let text = toml::to_string(&seen).context("cannot write down which hints were seen")?;
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(ExitCode::SUCCESS)
}
