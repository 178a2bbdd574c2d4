//! A whole run from a seed, for the last test of an exercise.

use sim::{Scenario, Trace};

/// How many lines of a failed run's story are shown.
const LINES_SHOWN: usize = 12;

/// Runs a seed. If the run fails, tells why, and what happened last, with as few faults as it takes.
pub(crate) fn check<S: Scenario>(scenario: &S, seed: u64) {
    let Err(violation) = sim::run(scenario, seed, &Trace::off()) else {
        return;
    };
    // A panic of the node is told as it is.
    assert!(violation.invariant != "panic", "{}", violation.text);
    let Err(failure) = sim::replay(scenario, seed) else {
        panic!(
            "seed {seed:#x} fails in one run and passes in the next: is there a random source in it?"
        );
    };
    let trace = Trace::on();
    let _ = sim::run_with(scenario, seed, Some(&failure.schedule), &trace);
    let story = trace
        .records()
        .map_or(String::new(), |all| sim::narrate(&all));
    let lines: Vec<&str> = story.lines().collect();
    let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
    panic!(
        "{}\nIn the run of seed {seed:#x}, whose last lines are:\n{}\nAll of it: {}",
        failure.violation.text,
        last.join("\n"),
        failure.minimal_trace.display()
    );
}
