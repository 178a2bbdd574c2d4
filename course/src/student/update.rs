//! `cargo course update`: a newer release comes in, and what the student wrote stays.
//!
//! The branch `handout` holds what was handed out, and nothing else. The new release becomes a commit on it, and git
//! merges that: what a student did not touch becomes the release's, what only he touched stays, and where both changed the
//! same lines his are kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use super::{Handout, MARKER, Marker, VENDOR};
use crate::catalogue::LIST;
use crate::git::Git;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the newer release is: a fresh handout of it, or a checkout of Faultline itself
    pub(super) path: PathBuf,
}

/// Brings the release in.
pub(super) fn run(args: &Args, handout: &Handout) -> Result<ExitCode> {
    let git = Git::new(&handout.root);
    let path = (args.path.canonicalize())
        .with_context(|| format!("there is no {}", args.path.display()))?;
    if path == handout.root.canonicalize()? {
        bail!("{} is this workspace; name the newer one", path.display());
    }
    if !git
        .run(&["status", "--porcelain", "--untracked-files=no"])?
        .is_empty()
    {
        bail!(
            "there are changes that are not committed. `git commit -am \"my work\"` keeps them safe; then update again"
        );
    }
    let release = if path.join(MARKER).is_file() {
        path
    } else if path.join(LIST).is_file() {
        make(handout, &path)?
    } else {
        bail!(
            "{} is neither a handout nor a checkout of Faultline: it has no {MARKER}, and no {LIST}",
            path.display()
        );
    };
    let version = version(&release)?;

    let base = vendor(&git)?;
    let tree = fetched_tree(&git, &release)?;
    if release.starts_with(&handout.root) {
        // It was made for this alone, and a second workspace inside of this one would confuse editors.
        fs::remove_dir_all(&release)
            .with_context(|| format!("cannot remove {}", release.display()))?;
    }
    if tree == git.run(&["rev-parse", &format!("{base}^{{tree}}")])? {
        eprintln!("Nothing to do: this workspace is of that release ({version}) already.");
        return Ok(ExitCode::SUCCESS);
    }
    let message = format!("Release {version}");
    let commit = git.run(&["commit-tree", &tree, "-p", &base, "-m", &message])?;
    git.run(&["update-ref", &format!("refs/heads/{VENDOR}"), &commit])?;
    let before = git.run(&["rev-parse", "HEAD"])?;
    let kept = merge(&git, &commit, &message)?;
    report(&git, &before, &version, &kept)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes a handout of a checkout of the reference, as this one was made.
fn make(handout: &Handout, reference: &Path) -> Result<PathBuf> {
    let dir = handout.state("release")?;
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    let marker = &handout.marker;
    let mut cargo = handout.cargo();
    cargo.current_dir(reference);
    cargo.args(["run", "--quiet", "--package", "course", "--", "new"]);
    cargo.arg(&dir).args(["--title", &marker.title]);
    for name in &marker.only {
        cargo.args(["--only", name]);
    }
    if let Some(from) = &marker.from {
        cargo.args(["--from", from]);
    }
    if !marker.lab {
        cargo.arg("--no-lab");
    }
    if marker.classroom {
        cargo.arg("--classroom");
    }
    eprintln!(
        "A handout is made of {}. Its own tool for that is built first, which takes a few minutes …",
        reference.display()
    );
    let output = cargo.output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!(
            "{} cannot make a handout:\n{}",
            reference.display(),
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    Ok(dir)
}

fn version(release: &Path) -> Result<String> {
    let file = release.join(MARKER);
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let marker: Marker =
        toml::from_str(&text).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(marker.release)
}

/// The commit of what was handed out last. A copy that a hosting service made of a template has no such branch; there,
/// the first commit is it.
fn vendor(git: &Git) -> Result<String> {
    for name in [VENDOR.to_owned(), format!("origin/{VENDOR}")] {
        if git.succeeds(&["rev-parse", "--verify", "--quiet", &name])? {
            return git.run(&["rev-parse", &name]);
        }
    }
    let first = git.run(&["rev-list", "--max-parents=0", "HEAD"])?;
    let first = first.lines().last().unwrap_or_default();
    if !git.succeeds(&["cat-file", "-e", &format!("{first}:{MARKER}")])? {
        bail!(
            "cannot tell what was handed out: there is no branch `{VENDOR}`, and the first commit is no handout.\n\
             `git branch {VENDOR} COMMIT` names it"
        );
    }
    Ok(first.to_owned())
}

/// The files of a release, as git knows them: what was handed out, even when somebody has worked there since.
fn fetched_tree(git: &Git, release: &Path) -> Result<String> {
    let from = release.to_string_lossy();
    git.run(&["fetch", "--quiet", "--no-tags", &from, VENDOR])
        .with_context(|| format!("{from} is no handout as `cargo course new` makes it"))?;
    git.run(&["rev-parse", "FETCH_HEAD^{tree}"])
}

/// Merges, and returns the files in which the student's side was kept against the release.
fn merge(git: &Git, commit: &str, message: &str) -> Result<Vec<String>> {
    // Once to learn where the two disagree, once for good.
    let Err(error) = git.run(&["merge", "--quiet", "--no-ff", "-m", message, commit]) else {
        return Ok(Vec::new());
    };
    let kept = conflicts(git)?;
    if kept.is_empty() {
        return Err(error);
    }
    git.run(&["merge", "--abort"])?;
    if git.succeeds(&[
        "merge", "--quiet", "--no-ff", "-X", "ours", "-m", message, commit,
    ])? {
        return Ok(kept);
    }
    // One side changed a file that the other one removed. The student's word counts here too.
    for file in conflicts(git)? {
        if git.succeeds(&["checkout", "--ours", "--", &file])? {
            git.run(&["add", "--", &file])?;
        } else {
            git.run(&["rm", "--quiet", "--cached", "--", &file])?;
        }
    }
    git.run(&["commit", "--quiet", "-m", message])?;
    Ok(kept)
}

fn conflicts(git: &Git) -> Result<Vec<String>> {
    let files = git.run(&["diff", "--name-only", "--diff-filter=U"])?;
    Ok(files.lines().map(str::to_owned).collect())
}

fn report(git: &Git, before: &str, version: &str, kept: &[String]) -> Result<()> {
    let changed = git.run(&["diff", "--stat", before, "HEAD"])?;
    eprintln!("{changed}\n\nThis workspace is of release {version} now.");
    if !kept.is_empty() {
        eprintln!(
            "\nYou and the release changed the same lines of these files. Yours were kept:\n  {}\n\
             What the release says instead: git diff HEAD {VENDOR} -- FILE",
            kept.join("\n  ")
        );
    }
    eprintln!(
        "\nTo undo it all: git reset --hard {}",
        &before[..before.len().min(12)]
    );
    Ok(())
}
