//! The steps that cargo and its companions do.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use super::Outcome;
use crate::workspace::{self, Layer, Workspace};

/// The command of the README.
pub(super) const TEST: [&str; 2] = ["test", "--workspace"];

pub(super) fn fmt(workspace: &Workspace) -> Result<Outcome> {
    run(workspace, &["fmt", "--all", "--check"], &[])
}

/// With what nothing else builds, because it is C: the load generator of `compare kafka`.
pub(super) fn clippy(workspace: &Workspace) -> Result<Outcome> {
    let all = ["clippy", "--workspace", "--all-targets"];
    let off_by_default = ["--features", "benches/compare"];
    let args = [&all[..], &off_by_default, &["--", "-D", "warnings"]].concat();
    run(workspace, &args, &[])
}

/// Shows what the tests print, and at the end a sum: each test binary closes with a line of its own, the last ones being
/// those of crates whose documentation has no examples.
pub(super) fn test(workspace: &Workspace) -> Result<Outcome> {
    let command = format!("cargo {}", TEST.join(" "));
    eprintln!("$ {command}");
    let mut child = workspace::cargo()
        .args(TEST)
        .current_dir(&workspace.root)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{command}`"))?;
    let mut tally = Tally::default();
    let mut out = io::stdout().lock();
    for line in BufReader::new(child.stdout.take().context("no output")?).split(b'\n') {
        let line = line?;
        tally.add(&String::from_utf8_lossy(&line));
        out.write_all(&[&line, &b"\n"[..]].concat())?;
    }
    let status = child.wait()?;
    let Tally {
        passed,
        failed,
        ignored,
    } = tally;
    writeln!(out, "\n{passed} passed, {failed} failed, {ignored} skipped")?;
    done(&command, status)
}

/// How many tests ended in which way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    /// Adds a line of a test binary's output, if it is its last: `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let (number, what) = count.split_once(' ').unwrap_or_default();
            let number = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

pub(super) fn docs(workspace: &Workspace) -> Result<Outcome> {
    run(
        workspace,
        &["doc", "--workspace", "--no-deps"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )
}

/// `cargo test` runs a criterion bench once, without measuring. Of the whole workspace, so that what `test` needs is not built with
/// other features as well.
pub(super) fn benches(workspace: &Workspace) -> Result<Outcome> {
    run(workspace, &["test", "--workspace", "--bench", "*"], &[])
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
    done(&command, status)
}

fn done(command: &str, status: ExitStatus) -> Result<Outcome> {
    if !status.success() {
        bail!("`{command}` failed ({status}); what it said stands above");
    }
    Ok(Outcome::Passed(Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_test_binaries_are_added() {
        let mut tally = Tally::default();
        for line in [
            "test result: FAILED. 3 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.1s",
            "test a::test result: ok. 9 passed ... ok",
            "test result: ok. 40 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out",
            "test result: nonsense",
        ] {
            tally.add(line);
        }
        let expected = Tally {
            passed: 43,
            failed: 1,
            ignored: 2,
        };
        assert_eq!(tally, expected);
    }
}
