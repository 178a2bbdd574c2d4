//! The steps that cargo and its companions do.

use anyhow::{Context, Result, bail};

use super::Outcome;
use crate::workspace::{self, Layer, Workspace};

/// The command of the README.
pub(super) const TEST: [&str; 2] = ["test", "--workspace"];

pub(super) fn fmt(workspace: &Workspace) -> Result<Outcome> {
    run(workspace, &["fmt", "--all", "--check"], &[])
}

pub(super) fn clippy(workspace: &Workspace) -> Result<Outcome> {
    let args = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    run(workspace, &args, &[])
}

pub(super) fn test(workspace: &Workspace) -> Result<Outcome> {
    run(workspace, &TEST, &[])
}

pub(super) fn docs(workspace: &Workspace) -> Result<Outcome> {
    run(
        workspace,
        &["doc", "--workspace", "--no-deps"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )
}

/// `cargo test` runs a criterion bench once, without measuring.
pub(super) fn benches(workspace: &Workspace) -> Result<Outcome> {
    run(
        workspace,
        &["test", "--package", "benches", "--benches"],
        &[],
    )
}

/// Clippy rather than `check`, so that what only the shell uses is reported as dead code.
pub(super) fn cores(workspace: &Workspace) -> Result<Outcome> {
    for package in workspace
        .layer(Layer::System)
        .filter(|package| package.has_library)
    {
        let args = ["clippy", "--lib", "--no-default-features", "--package"];
        let package = [package.name.as_str(), "--", "-D", "warnings"];
        run(workspace, &[&args[..], &package[..]].concat(), &[])?;
    }
    Ok(Outcome::Passed(Vec::new()))
}

/// Advisories come from a database that is fetched; where it cannot be, that is said and is no failure.
pub(super) fn deny(workspace: &Workspace) -> Result<Outcome> {
    let version = workspace::cargo().args(["deny", "--version"]).output();
    if !version.is_ok_and(|output| output.status.success()) {
        let how = "cargo-deny is not installed; `cargo install --locked cargo-deny` gets it";
        return Ok(Outcome::Skipped(how.to_owned()));
    }
    run(
        workspace,
        &["deny", "check", "bans", "licenses", "sources"],
        &[],
    )?;
    let advisories = workspace::cargo()
        .args(["deny", "check", "advisories"])
        .current_dir(&workspace.root)
        .output()
        .context("cannot run cargo deny")?;
    let said = String::from_utf8_lossy(&advisories.stderr);
    if advisories.status.success() {
        Ok(Outcome::Passed(Vec::new()))
    } else if said.contains("failed to fetch advisory database") {
        let note = "advisories were not checked: their database could not be fetched";
        Ok(Outcome::Passed(vec![note.to_owned()]))
    } else {
        bail!("cargo deny check advisories failed:\n{said}")
    }
}

/// Runs cargo in the workspace's root; what it prints goes where ours goes.
fn run(workspace: &Workspace, args: &[&str], env: &[(&str, &str)]) -> Result<Outcome> {
    let command = format!("cargo {}", args.join(" "));
    eprintln!("$ {command}");
    let status = workspace::cargo()
        .args(args)
        .envs(env.iter().copied())
        .current_dir(&workspace.root)
        .status()
        .with_context(|| format!("cannot run `{command}`"))?;
    if !status.success() {
        bail!("`{command}` failed ({status}); what it said stands above");
    }
    Ok(Outcome::Passed(Vec::new()))
}
