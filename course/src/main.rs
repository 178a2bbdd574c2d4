//! `cargo course`: the workspace's own tool.
//!
//! A person and CI run the same command, so there is no second list of checks that could drift from the
//! first: `.ci/run` and the GitHub workflow call `cargo course ci` and add nothing to it.

mod add;
mod build;
mod catalogue;
mod check;
mod ci;
mod export;
mod git;
mod grade;
mod gradescope_zip;
mod handout;
mod opaque;
mod report;
mod source;
mod stubs;
mod student;
mod tables;
mod tree;
mod variants;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo course", bin_name = "cargo course", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Begin a new exercise: its mark, tests, solutions, hints and section of the book
    Add(add::Args),
    /// Run the checks that every change has to pass
    Ci(ci::Args),
    /// Prove the grader: stubs fail, wrong solutions are caught, right ones pass
    Check(check::Args),
    /// Write submissions, stubs and known solutions as JPlag reads them, to find copies
    Export(export::Args),
    /// Grade submissions, by this workspace's tests
    Grade(grade::Args),
    /// Write the archive that grades a Gradescope assignment
    GradescopeZip(gradescope_zip::Args),
    /// Make a student's workspace: this one with stubs, and nothing that tells an answer
    New(handout::Args),
    /// Write the stubs and the tables that are made from the marks and the list of exercises
    Stubs(stubs::Args),
    #[command(flatten)]
    Student(student::Command),
}

fn main() -> anyhow::Result<ExitCode> {
    let workspace = Workspace::load()?;
    match Cli::parse().command {
        Command::Add(args) => add::run(&args, &workspace)?,
        Command::Ci(args) => return ci::run(&args, &workspace),
        Command::Check(args) => return check::run(&args, &workspace),
        Command::Export(args) => export::run(&args, &workspace)?,
        Command::Grade(args) => grade::run(&args, &workspace)?,
        Command::GradescopeZip(args) => gradescope_zip::run(&args, &workspace)?,
        Command::New(args) => handout::run(&args, &workspace)?,
        Command::Stubs(args) => stubs::run(&args, &workspace)?,
        Command::Student(command) => return student::run(&command),
    }
    Ok(ExitCode::SUCCESS)
}
