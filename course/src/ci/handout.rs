//! A student's first minutes: a handout is made, built and tested.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::Outcome;
use crate::catalogue::{Catalogue, Exercise};
use crate::handout;
use crate::report::{Report, Verdict};
use crate::workspace::{self, Workspace};

/// Makes a handout of each crate with exercises, without the lab, and tests it: no warning, no exercise done, none that hangs.
pub(super) fn check(workspace: &Workspace) -> Result<Outcome> {
    let catalogue = Catalogue::load(&workspace.root)?;
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| workspace.root.join("target"), PathBuf::from);
    let mut notes = Vec::new();
    for krate in catalogue.crates() {
        if workspace.package(krate).is_err() {
            continue;
        }
        // The same place each time, so that cargo takes its packages for the same ones.
        let dir = target.join("handout").join(krate);
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
        }
        handout::make_one(&dir, krate, workspace)?;
        notes.push(first_test(krate, &dir, &target, &catalogue)?);
    }
    Ok(Outcome::Passed(notes))
}

fn first_test(krate: &str, dir: &Path, target: &Path, catalogue: &Catalogue) -> Result<String> {
    let start = Instant::now();
    let built = cargo(dir, target, &["test", "--package", krate, "--no-run"])?;
    let said = String::from_utf8_lossy(&built.stderr);
    if !built.status.success() || said.contains("warning") {
        bail!("a fresh handout of {krate} does not build, or not without warnings:\n{said}");
    }
    let built = start.elapsed();

    let start = Instant::now();
    let tested = cargo(
        dir,
        target,
        &[
            "test",
            "--package",
            krate,
            "--test",
            "graded",
            "--",
            "--report",
        ],
    )?;
    let report = Report::parse(&String::from_utf8_lossy(&tested.stdout))?;
    let took = start.elapsed();
    let faults: Vec<String> = (catalogue.of_crate(krate))
        .filter(|exercise| exercise.has_marks())
        .filter_map(|exercise| fault(exercise, &report))
        .collect();
    if !faults.is_empty() {
        bail!("in a fresh handout of {krate}:\n{}", faults.join("\n"));
    }
    Ok(format!(
        "{krate}: built in {:.1} s, tested in {:.1} s",
        built.as_secs_f64(),
        took.as_secs_f64()
    ))
}

/// What is wrong with an exercise that nobody has begun.
fn fault(exercise: &Exercise, report: &Report) -> Option<String> {
    let id = &exercise.id;
    let mut other = BTreeSet::new();
    let mut waits = false;
    for test in report.tests.iter().filter(|test| test.exercise == *id) {
        match &test.verdict {
            Verdict::Todo(_) => waits = true,
            Verdict::Failed | Verdict::Timeout => {
                other.insert(test.name.as_str());
            }
            Verdict::Ok => {}
        }
    }
    if !other.is_empty() {
        let other: Vec<&str> = other.into_iter().collect();
        return Some(format!(
            "{id}: not a todo!() made these fail: {}",
            other.join(", ")
        ));
    }
    (!waits).then(|| format!("{id}: no test comes to a todo!()"))
}

/// Builds where everything else is built, so that dependencies are there already.
fn cargo(dir: &Path, target: &Path, args: &[&str]) -> Result<Output> {
    let mut cargo = workspace::cargo();
    cargo
        .args(args)
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", target);
    cargo.output().context("cannot run cargo")
}
