//! The command line. Answers go to the standard output; the exit code is 0 for yes, 1 for no, 2 if something failed.

mod ask;

use std::any::Any;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::{Args, Parser, Subcommand, ValueEnum};
use vector_clocks::log::read::{self, Format};
use vector_clocks::log::{EventId, Log, ProcessId, json, shiviz, stamp, svg};
use vector_clocks::vector_clock::VectorClock;

/// Logs of several processes: what happened before what, what cannot have happened, and a picture of it.
///
/// A LOG is a file of JSON lines ({"process":"ada","event":"asks","send":"m1"}), a trace of the simulator, or a log for ShiViz; `-`
/// is the standard input. Several are read as one. An event is called PROCESS:NUMBER: ada:3 is the third event of ada.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// What the logs are; guessed from the first line where it is not said
    #[arg(long, global = true, value_enum)]
    format: Option<FormatName>,
    /// The regular expression of a ShiViz log, with the groups event, host and clock
    #[arg(long, global = true)]
    regex: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum FormatName {
    Json,
    Trace,
    Shiviz,
}

#[derive(Args)]
struct Logs {
    /// The logs
    #[arg(required = true, value_name = "LOG")]
    files: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Say what cannot have happened so: receipts before sends, clocks that are wrong
    Check(Logs),
    /// Say whether event A happened before event B, and by which messages
    #[command(override_usage = "vector-clocks before [OPTIONS] <LOG>... <A> <B>")]
    Before {
        /// The logs, then the two events: LOG… A B
        #[arg(required = true, num_args = 3.., value_name = "LOG… A B")]
        words: Vec<String>,
    },
    /// List the pairs of events of which neither happened before the other
    Concurrent {
        #[command(flatten)]
        logs: Logs,
        /// Only pairs with this event
        #[arg(long, value_name = "EVENT")]
        of: Option<String>,
        /// List no more than so many
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
    /// Write the log as JSON lines, with a vector clock for each event
    Stamp(Logs),
    /// Draw the space-time diagram
    Draw {
        #[command(flatten)]
        logs: Logs,
        /// Where to; the standard output if it is not said
        #[arg(long, value_name = "FILE")]
        svg: Option<PathBuf>,
        /// Draw only so many events, the last ones
        #[arg(long, value_name = "EVENTS")]
        last: Option<usize>,
        /// The picture's title
        #[arg(long, default_value = "")]
        title: String,
    },
    /// Write the log so that ShiViz opens it
    Shiviz(Logs),
}

/// So many events are drawn at most: the picture would be 44 pixels high for each, and the way round every one is looked for.
const DRAWN_MAX: usize = 5_000;

/// What a command has found: whether the answer is yes.
type Answer = Result<bool>;

/// Runs a command, and turns what comes of it into an exit code.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    name_what_is_unwritten();
    let mut out = io::BufWriter::new(io::stdout());
    let answered = panic::catch_unwind(AssertUnwindSafe(|| answer(arguments, &mut out)));
    let Ok(answered) = answered else {
        return ExitCode::from(2);
    };
    let ran = answered.and_then(|yes| {
        out.flush().context("cannot write to the standard output")?;
        Ok(yes)
    });
    match ran {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told where this fails too.
            let _ = writeln!(io::stderr(), "vector-clocks: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// A student's workspace is full of `todo!()`. One that is met is no accident: it is told without a backtrace, by the exercise's name.
fn name_what_is_unwritten() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        match text_of(panic.payload()).and_then(unwritten) {
            Some(exercise) => {
                let _ = writeln!(
                    io::stderr(),
                    "vector-clocks: this needs an exercise that is not done yet: {exercise}"
                );
            }
            None => usual(panic),
        }
    }));
}

/// What a panic says.
fn text_of(panic: &(dyn Any + Send)) -> Option<&str> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
}

/// The exercise that a `todo!()` names.
fn unwritten(panic: &str) -> Option<&str> {
    panic.strip_prefix("not yet implemented: ")
}

/// Whoever reads our output has enough of it.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let of_io = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    of_io
        .into_iter()
        .any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

fn answer(arguments: &Arguments, out: &mut dyn Write) -> Answer {
    let load = |files: &[String]| load(files, arguments);
    match &arguments.command {
        Command::Check(logs) => ask::check(&load(&logs.files)?, out),
        Command::Before { words } => {
            let [files @ .., a, b] = words.as_slice() else {
                return Err(anyhow!(
                    "give LOG… and two events, as in `before run.jsonl ada:1 bob:2`"
                ));
            };
            ask::before(&load(files)?, a, b, out)
        }
        Command::Concurrent { logs, of, limit } => {
            ask::concurrent(&load(&logs.files)?, of.as_deref(), *limit, out)
        }
        Command::Stamp(logs) => {
            let mut log = load(&logs.files)?;
            let clocks = clocks(&log)?;
            for (event, clock) in log.events.iter_mut().zip(clocks) {
                event.clock = Some(clock);
            }
            out.write_all(json::write(&log).as_bytes())?;
            Ok(true)
        }
        Command::Draw {
            logs,
            svg: file,
            last,
            title,
        } => {
            let log = load(&logs.files)?;
            let drawn = last.unwrap_or(log.events.len()).min(log.events.len());
            if drawn > DRAWN_MAX {
                return Err(anyhow!(
                    "{drawn} events make no picture that anybody can look at: draw at most {DRAWN_MAX}, for example the last ones with --last 200"
                ));
            }
            let options = svg::Options {
                title: title.clone(),
                last: *last,
            };
            let drawn = svg::draw(&log, &clocks(&log)?, &options)
                .map_err(|circle| unordered(&log, &circle))?;
            match file {
                Some(file) => fs::write(file, drawn)
                    .with_context(|| format!("cannot write {}", file.display()))?,
                None => out.write_all(drawn.as_bytes())?,
            }
            Ok(true)
        }
        Command::Shiviz(logs) => {
            let log = load(&logs.files)?;
            // Where there is no order, this says at which line.
            clocks(&log)?;
            let text = shiviz::write(&log).map_err(|why| anyhow!(why))?;
            out.write_all(text.as_bytes())?;
            Ok(true)
        }
    }
}

/// The clocks of all events, made from messages.
fn clocks(log: &Log) -> Result<Vec<VectorClock<ProcessId>>> {
    stamp(log).map_err(|circle| unordered(log, &circle))
}

fn unordered(log: &Log, circle: &[EventId]) -> anyhow::Error {
    let at = circle.first().map_or(String::new(), |id| log.place(*id));
    anyhow!(
        "{at}: something is received before it is sent, so the events have no order; `vector-clocks check` shows the circle"
    )
}

fn load(files: &[String], arguments: &Arguments) -> Result<Log> {
    let format = arguments.format.map(|format| match format {
        FormatName::Json => Format::Json,
        FormatName::Trace => Format::Trace,
        FormatName::Shiviz => Format::Shiviz,
    });
    let mut texts = Vec::new();
    for file in files {
        let bytes = if file == "-" {
            let mut bytes = Vec::new();
            io::stdin()
                .read_to_end(&mut bytes)
                .context("cannot read the standard input")?;
            bytes
        } else {
            fs::read(file).with_context(|| format!("cannot read {file}"))?
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
            anyhow!("{file}:{line}: not UTF-8; a log is text")
        })?;
        let name = if file == "-" { "standard input" } else { file };
        texts.push((name.to_owned(), text));
    }
    let log = read::read(&texts, format, arguments.regex.as_deref())?;
    if log.events.is_empty() {
        return Err(anyhow!(
            "{}: there is no event in it; was it the right file, and was it written to the end?",
            files.join(", ")
        ));
    }
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stub_is_known_by_its_panic() {
        let panic = panic::catch_unwind(todo_of_a_stub).unwrap_err();
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        assert_eq!(
            unwritten(text.unwrap()),
            Some("clocks/causal: drop copies.")
        );
        assert_eq!(unwritten("index out of bounds"), None);
    }

    #[allow(clippy::todo, reason = "it is what a stub does")]
    fn todo_of_a_stub() {
        todo!("clocks/causal: drop copies.")
    }
}
