//! The command line: a command is a module with its options and a function that writes to `out`.

mod compare;
mod hot;
mod keys;
mod locate;
mod nodes;
mod ring;
mod strategy;
mod table;

use std::any::Any;
use std::io::{self, ErrorKind, Write};
use std::panic::{self, AssertUnwindSafe};
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
    name_what_is_unwritten();
    let ran = panic::catch_unwind(AssertUnwindSafe(|| match command {
        Command::Ring(options) => ring::run(&options, &mut out),
        Command::Locate(options) => locate::run(&options, &mut out),
        Command::Compare(options) => compare::run(&options, &mut out),
        Command::Hot(options) => hot::run(&options, &mut out),
        Command::Keys(options) => options.write(&mut out),
    }));
    let Ok(ran) = ran else {
        return ExitCode::FAILURE;
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

/// A student's workspace is full of `todo!()`. One that is met is no accident: it is told without a backtrace, by the exercise's name.
fn name_what_is_unwritten() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| match unwritten(panic.payload()) {
        Some(exercise) => {
            let told = "this needs an exercise that is not done yet";
            let _ = writeln!(io::stderr(), "consistent-hash: {told}: {exercise}");
        }
        None => usual(panic),
    }));
}

/// The exercise that a `todo!()` names, if this panic is of one.
fn unwritten(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied())?;
    text.strip_prefix("not yet implemented: ")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::todo, reason = "it is what a stub does")]
    fn a_stub_is_known_by_its_panic() {
        let stub = || todo!("hash/ring: the first point behind.");
        let panic = panic::catch_unwind(stub).map(|(): ()| ()).unwrap_err();
        assert_eq!(
            unwritten(&*panic),
            Some("hash/ring: the first point behind.")
        );
        let other: Box<dyn Any + Send> = Box::new("index out of bounds");
        assert_eq!(unwritten(&*other), None);
    }
}
