//! Shares are split and put together again, and histories are compared, as sets of events would be.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use proptest::prelude::*;
use vector_clocks::interval_tree_clock::{Stamp, StampError};

pub(crate) const TESTS: &[Test] = tests![
    of_two_that_were_one_each_owns_something,
    what_was_split_is_whole_again_when_it_is_joined,
    a_share_on_one_side_is_split_there,
    many_shares_have_nothing_in_common,
    two_parts_are_given_away_one_by_one,
    who_owns_nothing_gives_nothing,
    a_copy_cannot_be_joined,
    a_message_takes_no_share_along,
    an_event_is_later_than_what_was_known,
    events_on_both_sides_are_concurrent,
    counts_add_up_on_the_way_down,
    in_any_run_stamps_order_as_histories_do,
];

/// Whether a stamp owns a share: it can count an event.
fn owns(stamp: &Stamp) -> bool {
    stamp.clone().event().is_ok()
}

#[track_caller]
fn join(a: &Stamp, b: &Stamp) -> Stamp {
    match a.join(b) {
        Ok(joined) => joined,
        Err(error) => {
            panic!("{a} and {b} should have nothing in common, and cannot be joined: {error}")
        }
    }
}

fn of_two_that_were_one_each_owns_something() {
    let (a, b) = Stamp::seed().fork();
    assert!(owns(&a), "the first of the two, {a}, should own something");
    assert!(owns(&b), "the second of the two, {b}, should own something");
}

fn what_was_split_is_whole_again_when_it_is_joined() {
    let (a, b) = Stamp::seed().fork();
    assert_eq!(
        join(&a, &b),
        Stamp::seed(),
        "both together own the whole interval"
    );
    assert_eq!(join(&b, &a), Stamp::seed(), "in either order");
    let (c, d) = b.fork();
    let back = join(&join(&c, &a), &d);
    assert_eq!(
        back,
        Stamp::seed(),
        "three together own it, and it has its simplest form again"
    );
}

fn a_share_on_one_side_is_split_there() {
    for side in [0, 1] {
        let mut stamp = Stamp::seed();
        let mut others = Vec::new();
        for depth in 0..10 {
            let (left, right) = stamp.fork();
            let (kept, other) = if side == 0 {
                (left, right)
            } else {
                (right, left)
            };
            assert!(
                owns(&kept) && owns(&other),
                "after {depth} splits of the same side {kept} and {other} should own something"
            );
            stamp = kept;
            others.push(other);
        }
        let whole = others
            .iter()
            .fold(stamp, |whole, other| join(&whole, other));
        assert_eq!(whole, Stamp::seed(), "all together own the whole interval");
    }
}

/// Sixteen shares of the whole.
fn sixteen() -> Vec<Stamp> {
    let mut stamps = vec![Stamp::seed()];
    for _ in 0..4 {
        stamps = stamps
            .into_iter()
            .flat_map(|stamp| <[Stamp; 2]>::from(stamp.fork()))
            .collect();
    }
    stamps
}

fn many_shares_have_nothing_in_common() {
    let stamps = sixteen();
    for (i, a) in stamps.iter().enumerate() {
        for b in &stamps[i + 1..] {
            join(a, b);
        }
    }
    let evens = stamps
        .iter()
        .step_by(2)
        .cloned()
        .reduce(|a, b| join(&a, &b))
        .unwrap();
    let odds = stamps
        .iter()
        .skip(1)
        .step_by(2)
        .cloned()
        .reduce(|a, b| join(&a, &b))
        .unwrap();
    assert_eq!(
        join(&evens, &odds),
        Stamp::seed(),
        "half of them and the other half are the whole"
    );
}

fn two_parts_are_given_away_one_by_one() {
    let stamps = sixteen();
    let parts = join(&stamps[1], &stamps[14]);
    let (a, b) = parts.clone().fork();
    assert!(
        owns(&a) && owns(&b),
        "{parts} owns a part of each half, so each of {a} and {b} should own something"
    );
    assert!(
        a.size() < parts.size() && b.size() < parts.size(),
        "{parts} is split into {a} and {b}, which should be smaller: each has one of its two parts"
    );
    assert_eq!(join(&a, &b), parts, "together they are what they were");
}

fn who_owns_nothing_gives_nothing() {
    let (a, b) = Stamp::seed().anonymous().fork();
    assert!(!owns(&a) && !owns(&b), "nothing was split into {a} and {b}");
}

fn a_copy_cannot_be_joined() {
    let seed = Stamp::seed();
    assert_eq!(
        seed.join(&seed.clone()),
        Err(StampError::Overlap),
        "both own the whole interval"
    );
    let (a, b) = seed.clone().fork();
    assert_eq!(
        a.join(&seed),
        Err(StampError::Overlap),
        "the seed was replaced by its two halves"
    );
    assert_eq!(
        seed.join(&b),
        Err(StampError::Overlap),
        "the seed was replaced by its two halves"
    );
    let (left, _) = a.clone().fork();
    let three = join(&left, &b);
    assert_eq!(
        three.join(&a),
        Err(StampError::Overlap),
        "{three} and {a} have a quarter in common"
    );
}

fn a_message_takes_no_share_along() {
    let (mut a, b) = Stamp::seed().fork();
    a.event().unwrap();
    let b = join(&b, &a.anonymous());
    assert!(owns(&b), "b has heard a, and still owns its half: {b}");
    join(&a, &b);
}

#[track_caller]
fn ordered(a: &Stamp, b: &Stamp, why: &str) {
    assert!(a.leq(b), "{a} should be at most {b}: {why}");
    assert!(!b.leq(a), "{b} should not be at most {a}: {why}");
}

fn an_event_is_later_than_what_was_known() {
    let before = Stamp::seed();
    let mut after = before.clone();
    assert!(before.leq(&after), "equal histories are at most each other");
    after.event().unwrap();
    ordered(&before, &after, "an event was counted");
    let (a, b) = after.clone().fork();
    assert!(
        a.leq(&b) && b.leq(&a),
        "a fork is no event: {a} and {b} know the same"
    );
    let mut a = a;
    a.event().unwrap();
    ordered(&b, &a, "a has counted an event since the fork");
    ordered(&after, &a, "a has counted an event since the fork");
}

fn events_on_both_sides_are_concurrent() {
    let (mut a, mut b) = Stamp::seed().fork();
    for _ in 0..3 {
        a.event().unwrap();
    }
    b.event().unwrap();
    assert!(!a.leq(&b), "{b} does not know of the events of {a}");
    assert!(
        !b.leq(&a),
        "{a} has counted more, and does not know of the event of {b}"
    );
    let both = join(&a, &b);
    ordered(&a, &both, "they were joined");
    ordered(&b, &both, "they were joined");
}

fn counts_add_up_on_the_way_down() {
    let mut seed = Stamp::seed();
    for _ in 0..5 {
        seed.event().unwrap();
    }
    let (mut a, b) = seed.clone().fork();
    let (mut c, mut d) = b.fork();
    a.event().unwrap();
    c.event().unwrap();
    let c_heard_a = join(&c, &a.anonymous());
    ordered(&a, &c_heard_a, "c has heard a");
    ordered(
        &seed,
        &c_heard_a,
        "the five events of the seed are known to all",
    );
    // One who has never heard of the five has counted seven of his own elsewhere.
    let (mut few, mut many) = Stamp::seed().fork();
    few.event().unwrap();
    for _ in 0..7 {
        many.event().unwrap();
    }
    ordered(&few, &join(&few, &many), "they were joined");
    d.event().unwrap();
    d.event().unwrap();
    let all = [&c_heard_a, &d]
        .into_iter()
        .fold(a.anonymous(), |all, one| join(&all, one));
    for one in [&a, &c, &d, &c_heard_a] {
        assert!(
            one.leq(&all),
            "{one} should be at most {all}, which has heard all"
        );
    }
    assert!(
        !all.leq(&c_heard_a) && !all.leq(&d),
        "{all} knows more than each of them"
    );
}

/// A process: its stamp, and every event that it knows of.
type Process = (Stamp, BTreeSet<usize>);

/// What happens, and to which process; a second one where it takes two.
fn run(steps: &[(u8, usize, usize)]) -> Vec<Process> {
    let mut processes: Vec<Process> = vec![(Stamp::seed(), BTreeSet::new())];
    for (number, (kind, a, b)) in steps.iter().enumerate() {
        let (a, b) = (a % processes.len(), b % processes.len());
        match kind {
            0 | 1 if processes.len() < 8 => {
                let (stamp, known) = processes.swap_remove(a);
                let (one, other) = stamp.fork();
                processes.extend([(one, known.clone()), (other, known)]);
            }
            2 if a != b => {
                let (stamp, known) = processes.swap_remove(a.max(b));
                let (other, others) = processes.swap_remove(a.min(b));
                processes.push((stamp.join(&other).unwrap(), &known | &others));
            }
            3..=5 => {
                let (message, carried) = (processes[a].0.anonymous(), processes[a].1.clone());
                let (stamp, known) = &mut processes[b];
                *stamp = stamp.join(&message).unwrap();
                known.extend(carried);
            }
            _ => {
                let (stamp, known) = &mut processes[a];
                stamp.event().unwrap();
                known.insert(number);
            }
        }
    }
    processes
}

proptest! {
    #![proptest_config(autograder::property(128))]

    fn in_any_run_stamps_order_as_histories_do(
        steps in prop::collection::vec((0..10_u8, 0..8_usize, 0..8_usize), 0..40)
    ) {
        let processes = run(&steps);
        for (a, known) in &processes {
            for (b, others) in &processes {
                prop_assert_eq!(a.leq(b), known.is_subset(others), "whether {} is at most {}", a, b);
            }
        }
        let whole = processes.iter().map(|(stamp, _)| stamp.clone()).reduce(|a, b| a.join(&b).unwrap());
        let whole = whole.unwrap().to_string();
        prop_assert!(whole.starts_with("(1, "), "all processes together own the whole interval, and not {}", whole);
    }
}
