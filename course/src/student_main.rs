//! `cargo course`, as a student has it: what is done, what comes next, hints.

// The list is the instructor's too, who asks it more.
#[allow(dead_code)]
mod catalogue;
mod git;
mod student;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo course", bin_name = "cargo course", version, about)]
struct Cli {
    #[command(subcommand)]
    command: student::Command,
}

fn main() -> ExitCode {
    // Without a backtrace, which is asked for to see one of a test.
    student::run(&Cli::parse().command).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
