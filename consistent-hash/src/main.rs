//! `consistent-hash`: shows what partitioning strategies do, with numbers and pictures.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
