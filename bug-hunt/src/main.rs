//! Tells the story of a run: `cargo run -p bug-hunt -- --suspect b --seed 7`, and of one file in it: `--file 3`.
//!
//! Your invariant watches the run too, once there is one; the story ends where it accuses.

use std::env;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use bug_hunt::suspects::Suspect;
use bug_hunt::view::FileId;
use bug_hunt::{Check, Hunt, invariants, story};
use sim::Trace;

const USAGE: &str = "\
usage: cargo run -p bug-hunt -- --suspect honest|a|b|c --seed NUMBER [--file NUMBER]
n0 is the NameNode, n1 to n4 are DataNodes, n5 and n6 are clients; f3 is a file, g2 a generation
";

fn main() -> ExitCode {
    let Some((suspect, seed)) = suspect().zip(sim::number_after("--seed")) else {
        let _ = io::stderr().write_all(USAGE.as_bytes());
        return ExitCode::from(2);
    };
    let number = sim::number_after("--file");
    let only = number.and_then(|number| u32::try_from(number).ok().map(FileId));
    // A panic of the invariant is told as part of the story.
    panic::set_hook(Box::new(|_| {}));
    let mut trace = run(suspect, seed, invariants::check);
    if is_unwritten(&trace) {
        trace = run(suspect, seed, |_| Ok(()));
    }
    let records = trace.records();
    let text = story::tell(records.as_deref().map_or(&[], Vec::as_slice), only);
    // Whoever reads may have seen enough, and have closed the pipe.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn suspect() -> Option<Suspect> {
    let name = env::args().skip_while(|arg| arg != "--suspect").nth(1)?;
    let name = name.to_lowercase();
    Suspect::ALL.into_iter().find(|one| one.name() == name)
}

fn run(suspect: Suspect, seed: u64, check: Check) -> Trace {
    let trace = Trace::on();
    // What it found is the trace's last line.
    let _ = Hunt { suspect, check }.run(seed, &trace);
    trace
}

/// Whether the invariant is still a `todo!()`.
fn is_unwritten(trace: &Trace) -> bool {
    let text = trace.to_json_lines();
    let last = text.lines().last().unwrap_or_default();
    last.contains("not yet implemented")
}
