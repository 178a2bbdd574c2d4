//! Members of a cluster, simulated: `openraft`, the log and the store as they are, on a network and disks that fail (`turmoil`), from one seed.
//!
//! | what always holds | where it is checked |
//! | --- | --- |
//! | election safety: a term has one leader (the paper, §5.2) | `audit.rs`, `leads` |
//! | log matching: logs that agree in an entry agree in all before (§5.3) | `audit.rs`, `log` |
//! | leader completeness, and what is committed stays: no other command is ever applied at an index (§5.4) | `audit.rs`, `applies` |
//! | state machine safety (§5.4.3): equal hashes at equal revisions | `audit.rs`, `applies` |
//! | a write has one revision, the one after the last | `audit.rs`, `applies` |
//! | watchers hear in order, once, all of a revision together, everything, wherever they go on | `watching.rs`, `hear` |
//! | a lease never ends before its time | `leasing.rs`, `check` |
//! | linearizability of each key, reads at followers included, and of transactions over several; by leases at odd seeds | `world.rs`, `check` |
//! | progress, once all is healed | `world.rs`, `heal` |
//!
//! A failure prints the line that repeats it. More seeds: `cargo test -p raft-kv --test simulation -- seeds 1000`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod audit;
mod leasing;
mod load;
mod machine;
mod member;
mod service;
mod transacting;
mod watching;
mod wire;
mod world;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use world::Outcome;

/// What `cargo test` runs.
const SEEDS: u64 = 3;
/// A seed that takes longer is named.
const SLOW: Duration = Duration::from_secs(30);

/// Lives through a seed; the trace too, for those who want to see it.
fn run(seed: u64) -> (Result<Outcome, String>, Vec<String>) {
    let ran = catch_unwind(|| world::run(seed));
    let (lived, trace) = ran.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        (Err(text.unwrap_or_default()), Vec::new())
    });
    let replay = |reason| {
        format!("{reason}\nreplay: cargo test -p raft-kv --test simulation -- replay {seed:#x}")
    };
    (lived.map_err(replay), trace)
}

fn seeds(count: u64) -> Result<(), String> {
    let mut sum = Outcome::default();
    for seed in 0..count {
        let began = Instant::now();
        let outcome = run(seed).0?;
        let took = began.elapsed();
        if took > SLOW {
            println!("seed {seed:#x} took {took:.1?}");
        }
        sum.faults += outcome.faults;
        sum.changes += outcome.changes;
        sum.operations += outcome.operations;
        sum.answered += outcome.answered;
        sum.snapshots += outcome.snapshots;
        sum.terms += outcome.terms;
        sum.leases += outcome.leases;
        sum.held += outcome.held;
        sum.failed += outcome.failed;
    }
    println!(
        "{count} seeds: {} faults, {} changes of members, {} operations, of which {} were answered, {} terms, {} snapshots received, {} leases ended, {} conditions of transactions held and {} did not",
        sum.faults,
        sum.changes,
        sum.operations,
        sum.answered,
        sum.terms,
        sum.snapshots,
        sum.leases,
        sum.held,
        sum.failed
    );
    // A run in which nothing happens proves nothing.
    let enough = [
        ("faults", sum.faults, 10 * count),
        ("changes of members", sum.changes, 2 * count),
        ("snapshots received", sum.snapshots, 2 * count),
        ("answers", sum.answered, 100 * count),
        ("terms", sum.terms, 2 * count),
        ("leases that ended", sum.leases, 2 * count),
        ("conditions that held", sum.held, 20 * count),
        ("conditions that did not hold", sum.failed, 20 * count),
    ];
    for (what, found, least) in enough {
        if found < least {
            return Err(format!("only {found} {what} in {count} seeds"));
        }
    }
    Ok(())
}

fn same_twice(seed: u64) -> Result<(), String> {
    let (first, second) = (run(seed), run(seed));
    let (first, second) = (first.0.map(|_| first.1)?, second.0.map(|_| second.1)?);
    let mut lines = first.iter().zip(&second).enumerate();
    if let Some((line, (one, other))) = lines.find(|(_, (one, other))| one != other) {
        return Err(format!(
            "seed {seed:#x} runs apart at line {line}: {one} / {other}"
        ));
    }
    if first.len() != second.len() {
        return Err(format!(
            "seed {seed:#x} gave {} lines, then {}",
            first.len(),
            second.len()
        ));
    }
    println!("seed {seed:#x} gives the same {} lines twice", first.len());
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["replay", seed] => number(seed)
            .ok_or("replay SEED".to_owned())
            .and_then(|seed| {
                let (lived, trace) = run(seed);
                trace.iter().for_each(|line| println!("{line}"));
                lived.map(|_| ())
            }),
        ["seeds", count] => number(count)
            .ok_or("seeds COUNT".to_owned())
            .and_then(seeds),
        // As libtest does, for tools that look for tests.
        ["--list", ..] => Ok(()),
        _ => audit::checks_find_what_is_bad()
            .and_then(|()| transacting::checks_find_what_is_bad())
            .and_then(|()| same_twice(3))
            .and_then(|()| seeds(SEEDS)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}
