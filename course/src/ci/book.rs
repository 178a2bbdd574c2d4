//! The book builds, without a warning.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Outcome;
use crate::workspace::Workspace;

/// Builds the book with mdBook, where that is installed, into a directory that is thrown away.
pub(super) fn build(workspace: &Workspace) -> Result<Outcome> {
    let Some(mdbook) = find_mdbook() else {
        let how = "mdBook is not installed; `cargo install --locked mdbook` gets it";
        return Ok(Outcome::Skipped(how.to_owned()));
    };
    let out = tempfile::tempdir().context("cannot make a temporary directory")?;
    let output = Command::new(&mdbook)
        .arg("build")
        .arg(workspace.root.join("book"))
        .arg("--dest-dir")
        .arg(out.path())
        .output()
        .with_context(|| format!("cannot run {}", mdbook.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let warnings: Vec<&str> = (said.lines())
        .filter(|line| line.contains("WARN") || line.contains("ERROR"))
        .collect();
    if !output.status.success() || !warnings.is_empty() {
        bail!("mdbook build book:\n{said}");
    }
    Ok(Outcome::Passed(Vec::new()))
}

/// In the directory that `.ci/run` installs tools to, else on the search path.
fn find_mdbook() -> Option<PathBuf> {
    let installed = env::var_os("FAULTLINE_TOOLS").map(|dir| Path::new(&dir).join("bin/mdbook"));
    let candidates = installed.into_iter().chain([PathBuf::from("mdbook")]);
    candidates
        .into_iter()
        .find(|mdbook| Command::new(mdbook).arg("--version").output().is_ok())
}
