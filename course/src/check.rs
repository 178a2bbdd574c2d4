//! `cargo course check`: the proof of the grader.
//!
//! A test that no wrong solution fails proves nothing, and one that a right solution fails is unjust. So this runs the graded
//! tests with the reference, with each exercise a stub, with all others stubs, and with every wrong and right solution of
//! `exercises/`, and says in a sentence each what does not hold.

mod changed;
mod diagnostic;
mod judge;
pub(crate) mod map;
mod modules;
mod runs;
mod splice;
mod together;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::catalogue::{Catalogue, Exercise};
use crate::report::Report;
use crate::stubs;
use crate::variants::{self, Kind, Variant};
use crate::workspace::Workspace;
use judge::{Evidence, Proof};
use runs::{Run, Subject};

/// What to check.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Check this exercise alone: `--exercise hdfs/placement`
    #[arg(long, value_name = "ID")]
    exercise: Vec<String>,
    /// Check the exercises of this crate alone
    #[arg(long = "crate", value_name = "NAME")]
    krate: Option<String>,
    /// Check the exercises alone whose files differ from where this branch left BASE
    #[arg(long, value_name = "BASE", num_args = 0..=1, default_missing_value = "main")]
    changed: Option<String>,
    /// Write `exercises/<crate>/tests.toml`
    #[arg(long)]
    bless: bool,
}

/// Checks, prints a table and what does not hold.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let start = Instant::now();
    let (proofs, findings) = check(args, workspace)?;
    let mut out = io::stdout().lock();
    write!(out, "{}", table(&proofs))?;
    for finding in &findings {
        writeln!(out, "\n{finding}")?;
    }
    let (exercises, seconds) = (proofs.len(), start.elapsed().as_secs_f64());
    writeln!(
        out,
        "\n{exercises} exercises, {} findings, {seconds:.1} s",
        findings.len()
    )?;
    Ok(if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// For CI: all exercises.
pub(crate) fn all(workspace: &Workspace) -> Result<Vec<String>> {
    let (proofs, findings) = check(&Args::default(), workspace)?;
    eprint!("{}", table(&proofs));
    Ok(findings)
}

/// What holds for each exercise that the arguments ask for, and a sentence for all that does not.
fn check(args: &Args, workspace: &Workspace) -> Result<(Vec<Proof>, Vec<String>)> {
    let catalogue = Catalogue::load(&workspace.root)?;
    let wanted = wanted(args, workspace, &catalogue)?;
    let _lock = lock(workspace)?;
    let (mut proofs, mut findings) = (Vec::new(), Vec::new());
    for krate in stubs::crates(&catalogue, workspace) {
        let exercises: Vec<&Exercise> = wanted
            .iter()
            .copied()
            .filter(|exercise| exercise.krate == krate && exercise.has_marks())
            .collect();
        if !exercises.is_empty() {
            let checked = check_crate(workspace, &catalogue, krate, exercises, args.bless)?;
            proofs.extend(checked.0);
            findings.extend(checked.1);
        }
    }
    Ok((proofs, findings))
}

fn wanted<'a>(
    args: &Args,
    workspace: &Workspace,
    catalogue: &'a Catalogue,
) -> Result<Vec<&'a Exercise>> {
    for id in &args.exercise {
        let exercise = catalogue.get(id)?;
        if !exercise.has_marks() {
            bail!(
                "{id} is tested from outside, by the binary {}, and has no marks to check",
                exercise.binary
            );
        }
    }
    if let Some(krate) = &args.krate
        && !catalogue.crates().contains(&krate.as_str())
    {
        bail!(
            "{krate} has no exercises; those that have are {}",
            catalogue.crates().join(", ")
        );
    }
    let changed = args
        .changed
        .as_ref()
        .map(|base| changed::exercises(workspace, catalogue, base))
        .transpose()?;
    let is_wanted = |exercise: &&Exercise| {
        (args.exercise.is_empty() || args.exercise.contains(&exercise.id))
            && args
                .krate
                .as_ref()
                .is_none_or(|krate| *krate == exercise.krate)
            && changed
                .as_ref()
                .is_none_or(|changed| changed.contains(&exercise.id))
    };
    Ok(catalogue.exercises.iter().filter(is_wanted).collect())
}

/// Two checks at once would write the same copies.
fn lock(workspace: &Workspace) -> Result<File> {
    let dir = workspace.target.join("check");
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let file = File::create(dir.join("lock")).context("cannot make a lock file")?;
    file.lock()
        .context("cannot lock the copies of `cargo course check`")?;
    Ok(file)
}

fn check_crate(
    workspace: &Workspace,
    catalogue: &Catalogue,
    krate: &str,
    exercises: Vec<&Exercise>,
    bless: bool,
) -> Result<(Vec<Proof>, Vec<String>)> {
    let all = catalogue
        .of_crate(krate)
        .filter(|exercise| exercise.has_marks())
        .count();
    let is_whole = exercises.len() == all;
    let is_wanted = |id: &str| exercises.iter().any(|exercise| exercise.id == id);
    let files = stubs::marked(catalogue, workspace, krate)?;
    let subject = together::Crate {
        workspace,
        krate,
        files: &files,
    };

    let (variants, mut findings) = variants::load(&workspace.root, krate, catalogue, &files)?;
    if !is_whole {
        // A file that names no exercise is of none that is asked for.
        let slugs: Vec<String> = exercises
            .iter()
            .map(|exercise| format!("/{}-", exercise.slug()))
            .collect();
        findings.retain(|finding| slugs.iter().any(|slug| finding.contains(slug.as_str())));
    }
    let wanted = variants
        .into_iter()
        .filter(|variant| is_wanted(&variant.id));
    let (mut apart, mut variants): (Vec<Variant>, Vec<Variant>) =
        wanted.partition(|variant| variant.replaces.is_some());
    let count = variants.len() + apart.len();
    eprintln!("{krate}: building {count} variants");
    let binary = subject.build_all(&mut variants, &mut apart, &mut findings)?;

    let has_marks = |exercise: &&Exercise| {
        files
            .iter()
            .any(|file| file.ids().contains(&exercise.id.as_str()))
    };
    let (exercises, unmarked): (Vec<&Exercise>, Vec<&Exercise>) =
        exercises.into_iter().partition(has_marks);
    findings.extend(
        unmarked
            .iter()
            .map(|exercise| format!("{} has no mark in the sources", exercise.id)),
    );
    let twice = [Subject::Reference; 2].map(|subject| Run::of("", subject, Vec::new()));
    let reference: [Report; 2] = runs::all(&binary, &twice, &variants)?
        .try_into()
        .ok()
        .context("two runs without two reports")?;
    let mut runs = runs_of(&exercises, &variants, &reference[0]);
    eprintln!("{krate}: running the graded tests {} times", runs.len());
    let mut reports = runs::all(&binary, &runs, &variants)?;
    for group in together::groups(apart) {
        subject.run_apart(group, &mut variants, &mut runs, &mut reports, &mut findings)?;
    }
    subject.build_stubs(is_whole, &mut findings)?;

    let runs = runs.into_iter().zip(reports).collect();
    let (proofs, judged) = Evidence {
        catalogue,
        exercises,
        variants: &variants,
        reference,
        runs,
    }
    .judge();
    findings.extend(judged);
    findings.extend(compare(
        workspace, catalogue, krate, &proofs, is_whole, bless,
    )?);
    Ok((proofs, findings))
}

/// For each exercise its stub, the stubs of all others, and its variants. All tests run where any of them could say something;
/// those of the exercise, where its own are asked.
fn runs_of(exercises: &[&Exercise], variants: &[Variant], reference: &Report) -> Vec<Run> {
    let mut runs = Vec::new();
    for exercise in exercises {
        let id = &exercise.id;
        let own = reference.tests.iter().filter(|test| test.exercise == *id);
        let own: Vec<String> = own.map(|test| test.name.clone()).collect();
        runs.push(Run::of(id, Subject::Stub, Vec::new()));
        runs.push(Run::of(id, Subject::Alone, own.clone()));
        for (index, variant) in variants
            .iter()
            .enumerate()
            .filter(|(_, variant)| variant.id == *id)
        {
            let tests = match variant.kind {
                Kind::Wrong => [&own[..], &variant.caught_by].concat(),
                Kind::Right => Vec::new(),
            };
            runs.push(Run::of(id, Subject::Variant(index), tests));
        }
    }
    runs
}

/// Compares the map that is committed with what was proved, or writes it.
fn compare(
    workspace: &Workspace,
    catalogue: &Catalogue,
    krate: &str,
    proofs: &[Proof],
    is_whole: bool,
    bless: bool,
) -> Result<Vec<String>> {
    let mut map = map::load(&workspace.root, krate)?;
    let changes = map::update(&mut map, proofs, is_whole);
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    if bless {
        map::save(&workspace.root, krate, catalogue, &map)?;
        return Ok(Vec::new());
    }
    let file = variants::shown(&map::path(krate));
    let stale =
        |change| format!("{file} is stale, `cargo course check --bless` writes it: {change}");
    Ok(changes.into_iter().map(stale).collect())
}

/// A line for each exercise.
fn table(proofs: &[Proof]) -> String {
    let mut text = format!(
        "{:24} {:>6} {:>12} {:>7} {:>7} {:>7} {:>7}\n",
        "exercise", "tests", "fail as stub", "others", "alone", "wrong", "right"
    );
    for proof in proofs {
        let of = |(part, all): (usize, usize)| format!("{part}/{all}");
        let tests = proof.tests.len();
        text.push_str(&format!(
            "{:24} {tests:>6} {:>12} {:>7} {:>7} {:>7} {:>7}\n",
            proof.id,
            of((proof.stripped_own, tests)),
            proof.stripped.len() - proof.stripped_own,
            of((proof.alone, tests)),
            of(proof.wrong),
            of(proof.right),
        ));
    }
    text
}
