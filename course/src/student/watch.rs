//! `cargo course watch`: tests run again when a file is saved.
//!
//! It looks at the times of a few hundred files three times a second. That costs next to nothing, needs no library, and
//! works where notifications of the file system do not: network drives, containers, Windows' Linux.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use super::Handout;

/// How often files are looked at. Editors write in several steps, so a change counts once a look finds nothing newer.
const LOOK: Duration = Duration::from_millis(300);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The crate; without it, all at first, then those that change
    #[arg(value_name = "CRATE")]
    krate: Option<String>,
    /// Run tests alone whose names contain one of these: `watch mini-hdfs placement`
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

/// When each file was changed last.
type Times = BTreeMap<PathBuf, SystemTime>;

/// Runs until it is interrupted.
pub(super) fn run(args: &Args, handout: &Handout) -> Result<ExitCode> {
    let crates = handout.catalogue.crates();
    let watched: Vec<&str> = match &args.krate {
        Some(name) if !crates.contains(&name.as_str()) => bail!(
            "{name:?} is no crate with exercises; there are {}",
            crates.join(", ")
        ),
        Some(name) => vec![name],
        None => crates,
    };
    let mut seen = times(&handout.root)?;
    let mut due = watched.clone();
    loop {
        test(handout, &due, &args.filters)?;
        let now = next_change(&handout.root, &seen)?;
        let changed: Vec<PathBuf> = changed(&seen, &now);
        due = (watched.iter().copied())
            .filter(|name| concerns(name, &watched, &changed))
            .collect();
        seen = now;
    }
}

/// Clears the terminal, and tests crates.
fn test(handout: &Handout, crates: &[&str], filters: &[String]) -> Result<()> {
    let mut out = io::stdout().lock();
    if out.is_terminal() {
        write!(out, "\x1b[2J\x1b[3J\x1b[H")?;
    }
    for name in crates {
        writeln!(out, "$ cargo test --package {name} {}", filters.join(" "))?;
        out.flush()?;
        let mut cargo = handout.cargo();
        cargo.args([
            "test",
            "--quiet",
            "--package",
            name,
            "--test",
            "graded",
            "--",
        ]);
        cargo.args(filters).status().context("cannot run cargo")?;
    }
    writeln!(out, "\nWaiting for a file to be saved; Ctrl-C ends this.")?;
    Ok(out.flush()?)
}

/// Waits until files differ from what they were, and have stayed the same for a moment.
fn next_change(root: &Path, before: &Times) -> Result<Times> {
    let mut last = times(root)?;
    loop {
        let changed = last != *before;
        thread::sleep(LOOK);
        let now = times(root)?;
        if changed && now == last {
            return Ok(now);
        }
        last = now;
    }
}

/// Files that are new, gone or newer.
fn changed(before: &Times, now: &Times) -> Vec<PathBuf> {
    let differs = |path: &&PathBuf| before.get(*path) != now.get(*path);
    let mut paths: Vec<PathBuf> = before
        .keys()
        .chain(now.keys())
        .filter(differs)
        .cloned()
        .collect();
    paths.dedup();
    paths
}

/// Whether a crate is to be tested again: what it is made of changed, or something that belongs to none of them did.
fn concerns(name: &str, crates: &[&str], changed: &[PathBuf]) -> bool {
    changed
        .iter()
        .any(|path| path.starts_with(name) || !crates.iter().any(|other| path.starts_with(other)))
}

/// The times of the sources and manifests below a directory, by their paths from it.
fn times(root: &Path) -> Result<Times> {
    let mut times = Times::new();
    let mut dirs = vec![PathBuf::new()];
    while let Some(dir) = dirs.pop() {
        let entries = fs::read_dir(root.join(&dir))
            .with_context(|| format!("cannot list {}", root.join(&dir).display()))?;
        // What vanishes while we look is gone; the next look sees whatever takes its place.
        for entry in entries.flatten() {
            let path = dir.join(entry.file_name());
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let name = entry.file_name();
            let hidden = name.to_string_lossy().starts_with('.');
            if metadata.is_dir() && !hidden && name != "target" && name != "book" {
                dirs.push(path);
            } else if metadata.is_file()
                && path
                    .extension()
                    .is_some_and(|end| end == "rs" || end == "toml")
            {
                times.insert(path, metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
            }
        }
    }
    Ok(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_are_tested_that_a_change_concerns() {
        let crates = ["warm-up", "mini-hdfs"];
        let concerned = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
            crates.map(|name| concerns(name, &crates, &paths))
        };
        assert_eq!(concerned(&["mini-hdfs/src/path.rs"]), [false, true]);
        assert_eq!(concerned(&["crates/sim/src/lib.rs"]), [true, true]);
        assert_eq!(concerned(&["warm-up/a.rs", "mini-hdfs/b.rs"]), [true, true]);
        assert_eq!(concerned(&[]), [false, false]);
    }

    #[test]
    fn a_change_is_a_new_a_newer_or_a_lost_file() {
        let at = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(second);
        let before = Times::from([
            ("a".into(), at(1)),
            ("b".into(), at(1)),
            ("c".into(), at(1)),
        ]);
        let now = Times::from([
            ("b".into(), at(1)),
            ("c".into(), at(2)),
            ("d".into(), at(1)),
        ]);
        let mut found = changed(&before, &now);
        found.sort();
        found.dedup();
        assert_eq!(found, ["a", "c", "d"].map(PathBuf::from));
    }
}
