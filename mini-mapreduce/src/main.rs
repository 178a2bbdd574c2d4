//! `mini-mapreduce`: jobs, and what runs them, in one program.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// MapReduce in miniature.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a job in this process, on all cores
    Run(cli::run::Options),
    /// List the programs that there are
    Programs,
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(options) => cli::run::run(&options),
        Command::Programs => {
            cli::programs();
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mini-mapreduce: {error:#}");
            ExitCode::FAILURE
        }
    }
}
