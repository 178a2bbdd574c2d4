//! `cargo course new`: a student's workspace, made from the reference.
//!
//! It is this workspace with the stubs laid over it, as a fresh git repository. What goes in is listed, not what stays
//! out: a file of the reference that nobody thought of is not handed out.

mod book;
mod classroom;
mod contents;
mod links;
mod manifest;
mod templates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::catalogue::Catalogue;
use crate::git::Git;
use crate::student::{MARKER, Marker, VENDOR, stubs};
use crate::tree::Tree;
use crate::workspace::{self, Workspace};
use contents::Contents;

/// What to make.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory to make; it must not exist, or be empty
    dir: PathBuf,
    /// Only this crate, with what it needs; may be given several times
    #[arg(long, value_name = "CRATE")]
    only: Vec<String>,
    /// Leave the exercises before this one solved
    #[arg(long, value_name = "ID")]
    from: Option<String>,
    /// What the course is called
    #[arg(
        long,
        default_value = "Faultline: build distributed systems, then break them"
    )]
    title: String,
    /// Leave the lab out
    #[arg(long)]
    no_lab: bool,
    /// Add what GitHub Classroom needs to run the tests at each push
    #[arg(long)]
    classroom: bool,
}

/// Makes a handout.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    let catalogue = Catalogue::load(&workspace.root)?;
    let contents = Contents::new(workspace, catalogue, args)?;
    let is_new = refuse_unless_free(&args.dir, &workspace.root)?;
    if let Err(error) = make(args, workspace, &contents) {
        // What is half made would only be in the way of the next try.
        if is_new {
            fs::remove_dir_all(&args.dir).ok();
        }
        return Err(error);
    }
    say_what_next(args, &contents);
    Ok(())
}

/// Makes a handout of one crate, without the lab.
pub(crate) fn make_one(dir: &Path, krate: &str, workspace: &Workspace) -> Result<()> {
    let args = Args {
        dir: dir.to_owned(),
        only: vec![krate.to_owned()],
        from: None,
        title: "A check".to_owned(),
        no_lab: true,
        classroom: false,
    };
    let catalogue = Catalogue::load(&workspace.root)?;
    make(
        &args,
        workspace,
        &Contents::new(workspace, catalogue, &args)?,
    )
}

/// Whether the directory does not exist yet.
fn refuse_unless_free(dir: &Path, reference: &Path) -> Result<bool> {
    let absolute = std::path::absolute(dir)?;
    if absolute.starts_with(reference) {
        bail!(
            "{} is inside of the reference; choose a place beside it, ../my-course",
            dir.display()
        );
    }
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(false),
        Ok(false) => bail!("{} is not empty; choose another name", dir.display()),
        Err(_) if dir.exists() => bail!("{} is no directory; choose another name", dir.display()),
        Err(_) => Ok(true),
    }
}

/// The files of the handout that a marker describes, as this workspace hands them out.
///
/// # Errors
/// When the marker names what is not here, or a file cannot be read.
pub(crate) fn handed_out(marker: &Marker, workspace: &Workspace) -> Result<Tree> {
    let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
    let args = Args {
        dir: dir.path().to_owned(),
        only: marker.only.clone(),
        from: marker.from.clone(),
        title: marker.title.clone(),
        no_lab: !marker.lab,
        classroom: marker.classroom,
    };
    let contents = Contents::new(workspace, Catalogue::load(&workspace.root)?, &args)?;
    lay(&args, workspace, &contents)?;
    Tree::load(dir.path())
}

fn make(args: &Args, workspace: &Workspace, contents: &Contents<'_>) -> Result<()> {
    let marker = lay(args, workspace, contents)?;
    commit(&args.dir, &marker)
}

/// Writes all files.
fn lay(args: &Args, workspace: &Workspace, contents: &Contents<'_>) -> Result<Marker> {
    let dir = &args.dir;
    for file in contents.files(workspace)? {
        file.write(dir)?;
    }
    let mut counts = BTreeMap::new();
    for exercise in contents.exercises() {
        let places = stubs::places(dir, &exercise.krate)?;
        let count = places.get(&exercise.id).map_or(0, Vec::len);
        counts.insert(exercise.id.clone(), count);
    }
    let marker = Marker {
        release: manifest::version(&workspace.root)?,
        title: args.title.clone(),
        only: args.only.clone(),
        from: args.from.clone(),
        lab: !args.no_lab,
        classroom: args.classroom,
        stubs: counts,
    };
    for (path, text) in templates::files(contents, &marker)? {
        write(&dir.join(path), &text)?;
    }
    lock(dir)?;
    Ok(marker)
}

fn write(file: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}", file.display());
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir).with_context(failed)?;
    }
    fs::write(file, text).with_context(failed)
}

/// Takes out of `Cargo.lock` what the crates that were left out needed. No version changes.
fn lock(dir: &Path) -> Result<()> {
    let update = |options: &[&str]| {
        let mut cargo = workspace::cargo();
        // A handout is a workspace of its own, whatever the one that runs us was told.
        cargo.env_remove("CARGO_TARGET_DIR").current_dir(dir);
        cargo
            .args(["update", "--workspace", "--quiet"])
            .args(options);
        cargo.output().context("cannot run cargo")
    };
    // Most often all is there already; then the network is not asked.
    if update(&["--offline"])?.status.success() {
        return Ok(());
    }
    let output = update(&[])?;
    if !output.status.success() {
        bail!(
            "cannot adapt Cargo.lock:\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(())
}

fn commit(dir: &Path, marker: &Marker) -> Result<()> {
    let git = Git::new(dir);
    git.run(&["init", "--quiet"])?;
    git.run(&["symbolic-ref", "HEAD", "refs/heads/main"])?;
    git.run(&["add", "--all"])?;
    let message = format!("{}, release {}", marker.title, marker.release);
    git.run(&["commit", "--quiet", "--message", &message])?;
    git.run(&["branch", VENDOR])?;
    Ok(())
}

fn say_what_next(args: &Args, contents: &Contents<'_>) {
    let dir = args.dir.display();
    let count = contents.exercises().count();
    let first = contents
        .left()
        .next()
        .map_or("", |exercise| exercise.krate.as_str());
    eprintln!(
        "{dir} has {count} exercises. It is a git repository of its own, and its README.md says how to begin:\n\n  \
         cd {dir}\n  cargo test -p {first}      fails, and says with what to begin\n  cargo course status\n\n\
         {MARKER} there marks it; `cargo course update` brings later releases in."
    );
}
