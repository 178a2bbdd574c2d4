//! Which slot a job takes, and which it leaves to others.

use std::time::Duration;

use autograder::{Test, tests};
use mini_mapreduce::coordinator::delay::{Delay, Locality, Waits};
use node::Time;

pub(crate) const TESTS: &[Test] = tests![
    a_slot_near_the_data_is_taken_at_once,
    a_far_slot_is_left_until_the_job_has_waited_long_enough,
    waiting_counts_from_the_first_slot_that_was_left,
    patience_that_has_run_out_does_not_come_back_by_itself,
    a_slot_near_data_makes_the_job_choosy_again,
];

const WAITS: Waits = Waits {
    node: Duration::from_secs(3),
    rack: Duration::from_secs(2),
};

/// Offers a slot at a time in milliseconds.
fn offer(delay: &mut Delay, nearest: Locality, at_ms: u64) -> bool {
    delay.takes(nearest, &WAITS, Time::from_millis(at_ms))
}

fn a_slot_near_the_data_is_taken_at_once() {
    let mut delay = Delay::default();
    for at in [0, 1, 5000] {
        let taken = offer(&mut delay, Locality::Node, at);
        assert!(taken, "at {at} ms: what is gained by leaving it?");
    }
}

fn a_far_slot_is_left_until_the_job_has_waited_long_enough() {
    for (nearest, needed) in [(Locality::Rack, 3000), (Locality::Any, 5000)] {
        let mut delay = Delay::default();
        for at in [0, 1, needed - 1] {
            let taken = offer(&mut delay, nearest, at);
            assert!(!taken, "{nearest:?} after {at} ms: it has to wait {needed}");
        }
        let taken = offer(&mut delay, nearest, needed);
        assert!(taken, "{nearest:?} after {needed} ms: that is long enough");
    }
}

fn waiting_counts_from_the_first_slot_that_was_left() {
    let mut delay = Delay::default();
    assert!(
        !offer(&mut delay, Locality::Any, 10_000),
        "it has not waited yet"
    );
    for at in (10_100..15_000).step_by(100) {
        let taken = offer(&mut delay, Locality::Any, at);
        assert!(
            !taken,
            "at {at} ms it has waited for less than five seconds"
        );
    }
    let taken = offer(&mut delay, Locality::Any, 15_000);
    assert!(
        taken,
        "five seconds after the first slot that it left, however many came since"
    );
}

fn patience_that_has_run_out_does_not_come_back_by_itself() {
    let mut delay = Delay::default();
    offer(&mut delay, Locality::Any, 0);
    assert!(
        offer(&mut delay, Locality::Any, 5000),
        "it has waited for five seconds"
    );
    let taken = offer(&mut delay, Locality::Any, 5001);
    assert!(
        taken,
        "else a job without data in this cluster would run a task every five seconds"
    );
    let mut delay = Delay::default();
    offer(&mut delay, Locality::Rack, 0);
    assert!(
        offer(&mut delay, Locality::Rack, 3000),
        "it has waited for three seconds"
    );
    assert!(
        offer(&mut delay, Locality::Rack, 3001),
        "its level is the rack now"
    );
    assert!(
        !offer(&mut delay, Locality::Any, 3002),
        "and no more than the rack"
    );
    assert!(
        !offer(&mut delay, Locality::Any, 5001),
        "not two seconds have passed"
    );
    assert!(
        offer(&mut delay, Locality::Any, 5002),
        "two seconds from the rack to any"
    );
}

fn a_slot_near_data_makes_the_job_choosy_again() {
    let mut delay = Delay::default();
    offer(&mut delay, Locality::Any, 0);
    assert!(
        offer(&mut delay, Locality::Any, 5000),
        "it has waited for five seconds"
    );
    assert!(offer(&mut delay, Locality::Node, 5001), "near data");
    let taken = offer(&mut delay, Locality::Any, 5002);
    assert!(
        !taken,
        "there are slots near its data: it waits for the next one"
    );

    let mut delay = Delay::default();
    offer(&mut delay, Locality::Any, 0);
    assert!(offer(&mut delay, Locality::Node, 4000), "near data");
    offer(&mut delay, Locality::Any, 4001);
    assert!(
        !offer(&mut delay, Locality::Any, 9000),
        "waiting began anew behind the slot near its data, at 4001 ms"
    );
    assert!(
        offer(&mut delay, Locality::Any, 9001),
        "five seconds since then"
    );
    assert!(
        offer(&mut delay, Locality::Rack, 9002),
        "nearer than its level"
    );
    assert!(
        !offer(&mut delay, Locality::Any, 9003),
        "its level is the rack's again"
    );
}
