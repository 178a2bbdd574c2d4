//! One step of a node by hand, or a whole run from a seed.

use node::{Ctx, Disk, Effect, Event, Node, NodeId, Rng, Time};
use sim::{Scenario, Trace};

/// How many lines of a failed run's story are shown.
const LINES_SHOWN: usize = 12;

/// What a node wants done.
pub(crate) type Effects<N> = Vec<Effect<<N as Node>::Message, <N as Node>::Timer>>;

/// Lets one thing happen to a node whose id does not matter.
pub(crate) fn step<N: Node>(
    node: &mut N,
    event: Event<N::Message, N::Timer>,
    disk: &mut dyn Disk,
) -> Effects<N> {
    let mut rng = Rng::new(1);
    let mut ctx = Ctx::new(NodeId(0), Time::ZERO, &mut rng, disk);
    node.step(event, &mut ctx);
    ctx.into_effects()
}

/// Runs a seed. If the run fails, tells why, which faults it takes, and what happened last.
pub(crate) fn check<S: Scenario>(scenario: &S, seed: u64) {
    let Err(violation) = sim::run(scenario, seed, &Trace::off()) else {
        return;
    };
    // A panic of the node is told as it is.
    assert!(violation.invariant != "panic", "{}", violation.text);
    let Err(failure) = sim::replay(scenario, seed) else {
        panic!(
            "seed {seed:#x} fails in one run and passes in the next: is there a random source besides ctx.rng?"
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
