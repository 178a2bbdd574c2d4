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
    let text = one_more(&args.id, handout)?;
    io::stdout().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The text, after having written down that it was seen.
pub(super) fn one_more(id: &str, handout: &Handout) -> Result<String> {
    let exercise = handout.catalogue.get(id)?;
    let file = handout.state("hints.toml")?;
    // A file that is lost or damaged costs nothing but a hint seen twice.
    let mut seen: BTreeMap<String, usize> = fs::read_to_string(&file)
        .ok()
        .and_then(|text| toml::from_str(&text).ok())
        .unwrap_or_default();
    let before = seen.get(id).copied().unwrap_or_default();
    let of = exercise.hints.len();
    let now = (before + 1).min(of);
    seen.insert(exercise.id.clone(), now);
    let state = toml::to_string(&seen).context("cannot write down which hints were seen")?;
    fs::write(&file, state).with_context(|| format!("cannot write {}", file.display()))?;

    let mut text = format!("{}: {}\n\n", exercise.id, exercise.title);
    for (index, hint) in exercise.hints.iter().take(now).enumerate() {
        let hint = hint.trim().replace('\n', "\n     ");
        text += &format!("{:2}/{of} {hint}\n\n", index + 1);
    }
    let book = format!("The idea is in book/src/{}", exercise.book);
    text += &match of - now {
        0 if of == 0 => format!("It has no hints. {book}\n"),
        0 if before >= of => format!("You have seen them all. {book}\n"),
        0 => format!("That was the last one. {book}\n"),
        more => format!("{more} more: cargo course hint {id}\n"),
    };
    Ok(text)
}
