//! The command line: a command is a module with its options and a function that writes to `out`.

mod compare;
mod hot;
mod keys;
mod locate;
mod nodes;
mod ring;
mod strategy;
mod table;

use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// Which node is responsible for which key, and what moves when a node comes or goes
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show a ring: shares, and the ranges that move when nodes join or leave
    Ring(ring::Options),
    /// Say where keys belong
    Locate(locate::Options),
    /// Compare strategies on the same keys: balance, movement, look-up time, memory
    Compare(compare::Options),
    /// Find the keys that come most often, with few counters
    Hot(hot::Options),
    /// Write keys that follow Zipf's law, one a line
    Keys(keys::Zipf),
}

/// Runs what the command line asks for.
pub(crate) fn run() -> ExitCode {
    let command = Arguments::parse().command;
    let mut out = io::BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let ran = match command {
        Command::Ring(options) => ring::run(&options, &mut out),
        Command::Locate(options) => locate::run(&options, &mut out),
        Command::Compare(options) => compare::run(&options, &mut out),
        Command::Hot(options) => hot::run(&options, &mut out),
        Command::Keys(options) => options.write(&mut out),
    };
    match ran.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has enough of it.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Without an error output there is nobody to tell.
            let _ = writeln!(io::stderr(), "consistent-hash: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
}

/// Writes a picture.
fn write_svg(path: &Path, picture: &str) -> Result<()> {
    std::fs::write(path, picture)
        .with_context(|| format!("cannot write the picture to {}", path.display()))
}
