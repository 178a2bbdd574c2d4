//! `cargo course ci`: every check of the workspace, cheap ones first.
//!
//! What clippy and the compiler can see is left to them. The other steps enforce the rules of
//! `ARCHITECTURE.md` that no compiler knows: that cores stay pure, that dependencies point one way, that
//! a version stands in one place. A step that fails does not stop the others: one run tells all.

mod book;
mod cargo;
mod dependencies;
mod gradescope;
mod handout;
pub(crate) mod links;
pub(crate) mod purity;
mod sizes;
mod sources;
mod versions;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::check;
use crate::workspace::Workspace;

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run these steps alone: `--only fmt,purity`
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    only: Vec<String>,
    /// Run all steps but these
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    skip: Vec<String>,
    /// List the steps and run none
    #[arg(long)]
    list: bool,
}

/// One check.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace) -> Result<Outcome>,
}

/// How a check ended that did not fail.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// All is well; each line is worth a look all the same.
    Passed(Vec<String>),
    /// It could not run, for this reason.
    Skipped(String),
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "sources are formatted",
        run: cargo::fmt,
    },
    Step {
        name: "purity",
        about: "cores name no I/O, clock, thread, random source or unordered collection",
        run: purity::check,
    },
    Step {
        name: "direction",
        about: "dependencies point from tools to systems to crates",
        run: dependencies::direction,
    },
    Step {
        name: "versions",
        about: "each dependency's version stands once, in the root manifest",
        run: versions::check,
    },
    Step {
        name: "sizes",
        about: "files and crates are within their budgets of lines (warnings only)",
        run: sizes::report,
    },
    Step {
        name: "links",
        about: "links and included sources of every Markdown page exist",
        run: links::check,
    },
    Step {
        name: "book",
        about: "the book builds without a warning (where mdBook is installed)",
        run: book::build,
    },
    Step {
        name: "stubs",
        about: "stubs and tables are what the marks and the list say",
        run: stubs,
    },
    Step {
        name: "light",
        about: "without default features, no library needs a runtime or a server",
        run: dependencies::light,
    },
    Step {
        name: "cores",
        about: "each system's library compiles without default features",
        run: cargo::cores,
    },
    Step {
        name: "clippy",
        about: "no warning in any target",
        run: cargo::clippy,
    },
    Step {
        name: "docs",
        about: "the documentation builds without a warning",
        run: cargo::docs,
    },
    Step {
        name: "deny",
        about: "licences, advisories and sources of dependencies (where cargo-deny is installed)",
        run: cargo::deny,
    },
    Step {
        name: "exercises",
        about: "the grader is proved: stubs fail, wrong solutions are caught, right ones pass",
        run: |workspace| none_of(&check::all(workspace)?),
    },
    Step {
        name: "gradescope",
        about: "the archive for Gradescope sets itself up and grades, within a small container's limits",
        run: gradescope::check,
    },
    Step {
        name: "benches",
        about: "every bench runs once, on small sizes",
        run: cargo::benches,
    },
    Step {
        name: "handout",
        about: "a fresh handout of each crate builds without warnings, and each exercise waits for its student",
        run: handout::check,
    },
    Step {
        name: "test",
        about: "cargo test --workspace",
        run: cargo::test,
    },
];

/// Runs the chosen steps and sums up.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let steps = chosen(args)?;
    if args.list {
        let mut out = io::stdout().lock();
        for step in steps {
            writeln!(out, "{:10} {}", step.name, step.about)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut summary = Vec::new();
    let mut failed = Vec::new();
    for step in steps {
        eprintln!("\n━━ {}: {}", step.name, step.about);
        let start = Instant::now();
        let result = (step.run)(workspace);
        let line = verdict(step.name, &result, start.elapsed());
        eprintln!("{line}");
        if result.is_err() {
            failed.push(step.name);
        }
        summary.push(line.lines().next().unwrap_or_default().to_owned());
    }
    eprintln!("\n━━ summary\n{}", summary.join("\n"));
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let failed = failed.join(",");
    eprintln!("\nFailed: {failed}. To repeat: cargo course ci --only {failed}");
    Ok(ExitCode::FAILURE)
}

/// The steps that the arguments ask for, in the order of [`STEPS`].
fn chosen(args: &Args) -> Result<Vec<&'static Step>> {
    if let Some(name) = (args.only.iter().chain(&args.skip))
        .find(|name| !STEPS.iter().any(|step| step.name == name.as_str()))
    {
        let names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        bail!(
            "there is no step {name:?}; the steps are {}",
            names.join(", ")
        );
    }
    let named = |names: &[String], step: &Step| names.iter().any(|name| name == step.name);
    Ok(STEPS
        .iter()
        .filter(|step| args.only.is_empty() || named(&args.only, step))
        .filter(|step| !named(&args.skip, step))
        .collect())
}

/// A line on how a step ended, and what it found below.
fn verdict(name: &str, result: &Result<Outcome>, took: Duration) -> String {
    let (mark, notes) = match result {
        Ok(Outcome::Passed(notes)) => ("ok", notes.join("\n")),
        Ok(Outcome::Skipped(reason)) => ("skipped", reason.clone()),
        Err(error) => ("FAILED", format!("{error:#}")),
    };
    let line = format!("{name:10} {mark:8} {:7.1} s", took.as_secs_f64());
    if notes.is_empty() {
        line
    } else {
        format!("{line}\n  {}", notes.replace('\n', "\n  "))
    }
}

fn stubs(workspace: &Workspace) -> Result<Outcome> {
    crate::stubs::check(workspace)?;
    Ok(Outcome::Passed(Vec::new()))
}

/// Passes where nothing was found; else fails with all that was.
fn none_of(findings: &[String]) -> Result<Outcome> {
    if findings.is_empty() {
        Ok(Outcome::Passed(Vec::new()))
    } else {
        bail!("{}", findings.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(only: &[&str], skip: &[&str]) -> Result<Vec<&'static str>> {
        let strings = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let args = Args {
            only: strings(only),
            skip: strings(skip),
            list: false,
        };
        Ok(chosen(&args)?.iter().map(|step| step.name).collect())
    }

    #[test]
    fn steps_are_chosen_by_name_and_run_in_their_own_order() {
        assert_eq!(
            names(&["purity", "fmt"], &[]).unwrap(),
            vec!["fmt", "purity"]
        );
        assert_eq!(names(&["fmt", "test"], &["fmt"]).unwrap(), vec!["test"]);
        assert_eq!(names(&[], &["test"]).unwrap().len(), STEPS.len() - 1);
        let error = names(&["tests"], &[]).unwrap_err().to_string();
        assert!(error.contains("\"tests\"") && error.contains("clippy"));
    }

    #[test]
    fn a_verdict_shows_what_was_found() {
        let found = none_of(&["a: b".to_owned(), "c: d".to_owned()]);
        let line = verdict("fmt", &found, Duration::from_millis(1250));
        assert_eq!(line, "fmt        FAILED       1.2 s\n  a: b\n  c: d");
        let line = verdict("fmt", &none_of(&[]), Duration::ZERO);
        assert_eq!(line, "fmt        ok           0.0 s");
    }

    #[test]
    fn the_readme_names_the_commands_that_are_run() {
        let readme = include_str!("../../README.md");
        assert!(readme.contains(&format!("cargo {}\n", cargo::TEST.join(" "))));
        assert!(readme.contains("cargo run --release\n"));
    }
}
