//! `vector-clocks`: asks, checks and draws the logs of several processes.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    cli::run(&cli::Arguments::parse())
}
