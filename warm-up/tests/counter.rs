//! What becomes of the node in 60 lines: all is well on a good day, and on no other.

use node::{Rng, Time};
use sim::{Fault, Fuse, Link, World};
use warm_up::counter::{COUNTER, Process};

/// The counter and a client that wants 5, 6 and 7 added; `fault` strikes after a millisecond.
fn run(fault: Option<Fault>) -> World<Process> {
    let mut world = World::new(Rng::new(1), |id, _| {
        if id == COUNTER {
            Process::Counter { total: 0 }
        } else {
            let (left, totals) = ([5, 6, 7].into(), Vec::new());
            Process::Client { left, totals }
        }
    });
    world.add_node("counter");
    world.add_node("ada");
    world.run_until(Time::from_millis(1));
    if let Some(fault) = fault {
        world.inject(&fault);
    }
    world.run_until(Time::from_millis(100));
    world.calm();
    world.run_until(Time::from_millis(10_000));
    world
}

/// What the counter says, and what the client heard.
fn ended(world: &World<Process>) -> (u64, Vec<u64>) {
    let mut end = (0, Vec::new());
    for (_, process) in world.nodes() {
        match process {
            Process::Counter { total } => end.0 = *total,
            Process::Client { totals, .. } => end.1.clone_from(totals),
        }
    }
    end
}

#[test]
fn on_a_good_day_all_is_added() {
    assert_eq!(ended(&run(None)), (18, vec![5, 11, 18]));
}

#[test]
fn a_lost_message_is_waited_for_for_ever() {
    let link = Link {
        drop_percent: 100,
        ..Link::default()
    };
    let (_, totals) = ended(&run(Some(Fault::Network { link })));
    assert!(totals.len() < 3, "{totals:?}");
}

#[test]
fn a_message_that_comes_twice_is_added_twice() {
    let link = Link {
        duplicate_percent: 100,
        ..Link::default()
    };
    let (total, _) = ended(&run(Some(Fault::Network { link })));
    assert!(total > 18, "{total}");
}

#[test]
fn a_power_failure_takes_everything() {
    let fuse = Fuse::Now;
    let (total, _) = ended(&run(Some(Fault::Crash {
        node: COUNTER,
        fuse,
    })));
    assert!(total < 18, "{total}");
}
