//! Vector clocks: they say exactly what happened before what.

use std::cmp::Ordering;

use autograder::{Test, tests};
use proptest::prelude::*;
use vector_clocks::vector_clock::VectorClock;

use crate::execution::{executions, happened_before};

pub(crate) const TESTS: &[Test] = tests![
    an_event_counts_for_its_process,
    processes_stand_in_order_whoever_comes_first,
    merging_takes_the_higher_count_of_each_process,
    merging_learns_of_new_processes,
    merging_many_keeps_the_order,
    who_knows_more_is_later,
    a_process_that_is_not_listed_has_the_count_0,
    clocks_that_each_know_something_are_concurrent,
    the_same_knowledge_is_equal,
    merging_gives_the_least_clock_above_both,
    clocks_say_exactly_what_happened_before,
];

type Clock = VectorClock<char>;

fn clock(counts: &[(char, u64)]) -> Clock {
    counts.iter().copied().collect()
}

fn counts(clock: &Clock) -> Vec<(char, u64)> {
    clock
        .iter()
        .map(|(process, count)| (*process, count))
        .collect()
}

fn an_event_counts_for_its_process() {
    let mut it = clock(&[('a', 1), ('b', 5)]);
    assert_eq!(it.tick(&'b'), 6, "it was the sixth event of b");
    assert_eq!(
        counts(&it),
        [('a', 1), ('b', 6)],
        "b has one event more, and a has none"
    );
}

fn processes_stand_in_order_whoever_comes_first() {
    let mut it = Clock::new();
    for process in ['c', 'a', 'd', 'b', 'a'] {
        it.tick(&process);
    }
    assert_eq!(
        counts(&it),
        [('a', 2), ('b', 1), ('c', 1), ('d', 1)],
        "processes are listed in their order, each once, beginning with 1 at its first event"
    );
}

fn merging_takes_the_higher_count_of_each_process() {
    let mut it = clock(&[('a', 3), ('b', 1), ('c', 4)]);
    it.merge(&clock(&[('a', 2), ('b', 7), ('c', 4)]));
    assert_eq!(
        counts(&it),
        [('a', 3), ('b', 7), ('c', 4)],
        "what is known of a process is the higher of the two counts"
    );
}

fn merging_learns_of_new_processes() {
    let mut it = clock(&[('b', 1), ('d', 1)]);
    it.merge(&clock(&[('a', 2), ('c', 2), ('d', 2), ('e', 2)]));
    assert_eq!(
        counts(&it),
        [('a', 2), ('b', 1), ('c', 2), ('d', 2), ('e', 2)],
        "those that only one side lists are taken over, and stand where they belong"
    );
    let mut empty = Clock::new();
    empty.merge(&it);
    assert_eq!(empty, it, "who knows nothing learns everything");
    it.merge(&Clock::new());
    assert_eq!(
        it, empty,
        "from who knows nothing there is nothing to learn"
    );
}

fn merging_many_keeps_the_order() {
    let letters = |from: usize| ('a'..='z').skip(from).step_by(2);
    let mut it: Clock = letters(0).map(|process| (process, 1)).collect();
    it.merge(&letters(1).map(|process| (process, 2)).collect());
    let expected: Vec<(char, u64)> = ('a'..='z').zip([1, 2].into_iter().cycle()).collect();
    assert_eq!(
        counts(&it),
        expected,
        "thirteen processes here, thirteen others there: more than fit without an allocation"
    );
    assert_eq!(it.get(&'y'), 1, "and each of them is found again");
}

fn who_knows_more_is_later() {
    let (early, late) = (clock(&[('a', 1), ('b', 2)]), clock(&[('a', 1), ('b', 3)]));
    assert_eq!(
        early.compare(&late),
        Some(Ordering::Less),
        "{late} knows an event of b more than {early}"
    );
    assert_eq!(late.compare(&early), Some(Ordering::Greater));
    assert!(early < late, "the operator should say so too");
}

fn a_process_that_is_not_listed_has_the_count_0() {
    let (early, late) = (clock(&[('b', 1)]), clock(&[('a', 1), ('b', 1), ('c', 1)]));
    assert_eq!(
        early.compare(&late),
        Some(Ordering::Less),
        "{early} knows nothing of a and c, so {late} knows more"
    );
    assert_eq!(late.compare(&early), Some(Ordering::Greater));
    assert_eq!(
        Clock::new().compare(&early),
        Some(Ordering::Less),
        "who knows nothing is before everybody who knows something"
    );
}

fn clocks_that_each_know_something_are_concurrent() {
    let pairs = [
        (clock(&[('a', 2), ('b', 1)]), clock(&[('a', 1), ('b', 2)])),
        (clock(&[('a', 1)]), clock(&[('b', 9)])),
        (clock(&[('b', 9)]), clock(&[('a', 1)])),
        (clock(&[('a', 1), ('b', 9), ('c', 9)]), clock(&[('a', 2)])),
        (clock(&[('a', 1), ('c', 1)]), clock(&[('a', 1), ('b', 1)])),
    ];
    for (one, other) in pairs {
        let compared = (one.compare(&other), other.compare(&one));
        assert_eq!(
            compared,
            (None, None),
            "{one} and {other} each know something that the other one does not"
        );
    }
}

fn the_same_knowledge_is_equal() {
    let it = clock(&[('a', 1), ('b', 2)]);
    assert_eq!(it.compare(&it.clone()), Some(Ordering::Equal));
    assert_eq!(
        Clock::new().compare(&Clock::new()),
        Some(Ordering::Equal),
        "nothing is known on either side"
    );
}

fn any_clock() -> impl Strategy<Value = Clock> {
    let count = (prop::char::range('a', 'l'), 0..4u64);
    proptest::collection::vec(count, 0..12).prop_map(|counts| counts.into_iter().collect())
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn merging_gives_the_least_clock_above_both(a in any_clock(), b in any_clock()) {
        let mut merged = a.clone();
        merged.merge(&b);
        let highest: Vec<(char, u64)> = ('a'..='l')
            .map(|process| (process, a.get(&process).max(b.get(&process))))
            .filter(|(_, count)| *count > 0)
            .collect();
        prop_assert_eq!(counts(&merged), highest, "{} merged with {}", a, b);
    }

    fn clocks_say_exactly_what_happened_before(events in executions()) {
        let mut clocks = vec![VectorClock::new(); 4];
        let mut stamps: Vec<VectorClock<usize>> = Vec::new();
        for event in &events {
            let clock = &mut clocks[event.process];
            if let Some(sent) = event.sent_at {
                clock.merge(&stamps[sent]);
            }
            clock.tick(&event.process);
            stamps.push(clock.clone());
        }
        let before = happened_before(&events);
        for (i, a) in stamps.iter().enumerate() {
            for (j, b) in stamps.iter().enumerate() {
                let expected = if i == j {
                    Some(Ordering::Equal)
                } else if before[j].contains(&i) {
                    Some(Ordering::Less)
                } else if before[i].contains(&j) {
                    Some(Ordering::Greater)
                } else {
                    None
                };
                prop_assert_eq!(a.compare(b), expected, "event {} has the clock {}, event {} has {}", i, a, j, b);
            }
        }
    }
}
