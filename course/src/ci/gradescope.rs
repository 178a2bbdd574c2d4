//! The archive for Gradescope, used as Gradescope does: unpacked, set up once, and run for submissions, on one core, with
//! little memory, in little time, and without the network.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Outcome;
use crate::gradescope_zip;
use crate::workspace::Workspace;

/// Small, and with the same parts as any other.
const CRATE: &str = "warm-up";
/// Of address space. The compiler reserves more than it uses.
const MEMORY_KIB: u32 = 4 << 20;
/// Gradescope's own limit, where nobody raises it.
const SECONDS: u32 = 600;

pub(super) fn check(workspace: &Workspace) -> Result<Outcome> {
    if !Path::new("/bin/bash").exists() {
        return Ok(Outcome::Skipped("there is no /bin/bash".to_owned()));
    }
    let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
    let root = dir.path();
    let archive = root.join("gradescope.zip");
    gradescope_zip::pack_crate(CRATE, &archive, workspace)?;
    gradescope_zip::unpack(&archive, root)?;
    run(workspace, root, &root.join("source/setup.sh"))?;

    let submission = root.join("submission");
    fs::create_dir(&submission)?;
    let (nothing, max) = graded(workspace, root)?;
    ensure!(
        nothing == 0.0,
        "an empty submission got {nothing} of {max} points"
    );
    let package = workspace.package(CRATE)?;
    copy(
        &package.dir.join("src"),
        &submission.join(CRATE).join("src"),
    )?;
    let (all, max) = graded(workspace, root)?;
    ensure!(
        all == max && max > 0.0,
        "the reference got {all} of {max} points"
    );
    Ok(Outcome::Passed(Vec::new()))
}

/// Grades what is in `submission`; its points, and those that there are.
fn graded(workspace: &Workspace, root: &Path) -> Result<(f64, f64)> {
    run(workspace, root, &root.join("run_autograder"))?;
    let results = fs::read(root.join("results/results.json")).context("there are no results")?;
    let results: Value = serde_json::from_slice(&results).context("the results are no JSON")?;
    let score = results["score"]
        .as_f64()
        .context("the results have no score")?;
    let tests = results["tests"]
        .as_array()
        .context("the results have no tests")?;
    let max = tests
        .iter()
        .filter_map(|test| test["max_score"].as_f64())
        .sum();
    Ok((score, max))
}

/// Runs a script of the archive, within the limits of a small container.
fn run(workspace: &Workspace, root: &Path, script: &Path) -> Result<()> {
    // Not every machine has the tools that limit.
    let limited = format!(
        "ulimit -v {MEMORY_KIB} 2>/dev/null
         one_core=$(command -v taskset >/dev/null && taskset -c 0 true 2>/dev/null && echo taskset -c 0)
         in_time=$(command -v timeout >/dev/null && echo timeout {SECONDS})
         exec $in_time $one_core /bin/bash \"$0\""
    );
    let status = Command::new("/bin/bash")
        .args(["-c", &limited])
        .arg(script)
        .env("AUTOGRADER_ROOT", root)
        // What this machine has built already is not built again.
        .env("AUTOGRADER_TARGET", &workspace.target)
        .env("CARGO_NET_OFFLINE", "true")
        .status()
        .context("cannot run bash")?;
    ensure!(
        status.success(),
        "{} failed ({status}); what it said stands above",
        script.display()
    );
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let (from, to) = (entry?.path(), to);
        let to = to.join(from.file_name().unwrap_or_default());
        if from.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
