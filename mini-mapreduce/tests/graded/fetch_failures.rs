//! When a map that is done must be done again, because reduces cannot fetch what it made.

use std::collections::BTreeMap;

use autograder::{Test, seeds, tests};
use mini_mapreduce::coordinator::fetch_failures::FetchFailures;
use mini_mapreduce::protocol::{AttemptId, FetchFailure, JobId, TaskId, TaskKind};
use node::Rng;

pub(crate) const TESTS: &[Test] = tests![
    three_failures_are_enough_and_two_are_not,
    reduces_speak_together,
    one_reduce_among_many_does_not_decide,
    a_total_that_comes_twice_counts_once,
    a_late_total_takes_nothing_back,
    complaints_of_one_map_are_not_those_of_another,
    complaints_of_an_older_attempt_change_nothing,
    what_counts_no_more_has_not_complained,
    a_new_output_begins_with_a_clean_slate,
    an_absurd_total_is_only_a_large_one,
    whatever_reduces_say,
];

fn attempt(kind: TaskKind, index: u32, number: u64) -> AttemptId {
    let job = JobId(1);
    AttemptId {
        task: TaskId { job, kind, index },
        number,
    }
}

fn map(index: u32) -> AttemptId {
    attempt(TaskKind::Map, index, 0)
}

fn reduce(index: u32) -> AttemptId {
    attempt(TaskKind::Reduce, index, 0)
}

/// Reduce `r` says that it has failed `total` times to fetch what the first attempt at map 0 made, which counts. `shuffling` reduces are fetching.
fn complain(failures: &mut FetchFailures, r: u32, total: u32, shuffling: u32) -> bool {
    let failure = FetchFailure {
        reduce: reduce(r),
        map: map(0),
        failures: total,
    };
    failures.complain(&failure, 0, shuffling)
}

/// Totals of reduces one after another; whether each makes the map run again.
fn story(totals: &[(u32, u32)], shuffling: u32) -> Vec<bool> {
    let mut failures = FetchFailures::default();
    let totals = totals.iter();
    totals
        .map(|(r, total)| complain(&mut failures, *r, *total, shuffling))
        .collect()
}

fn three_failures_are_enough_and_two_are_not() {
    assert_eq!(
        story(&[(0, 1), (0, 2), (0, 3), (0, 4)], 1),
        [false, false, true, true],
        "the only reduce that fetches has failed once, twice, three times, four times"
    );
}

fn reduces_speak_together() {
    assert_eq!(
        story(&[(0, 1), (1, 1), (2, 1)], 4),
        [false, false, true],
        "three of four reduces have failed once each: that is three times, and more than half"
    );
    assert_eq!(
        story(&[(0, 1), (1, 2)], 2),
        [false, true],
        "one failure and two are three"
    );
}

fn one_reduce_among_many_does_not_decide() {
    assert_eq!(
        story(&[(0, 50)], 3),
        [false],
        "one of three has failed 50 times: perhaps it is its own network"
    );
    assert_eq!(
        story(&[(0, 3), (1, 1), (2, 1), (3, 1), (4, 1)], 10),
        [false, false, false, false, true],
        "ten reduces fetch; the fifth that complains makes it half of them, and half is enough"
    );
    assert_eq!(
        story(&[(0, 3), (1, 1), (2, 1)], 5),
        [false, false, true],
        "five reduces fetch: two are less than half, three are more"
    );
}

fn a_total_that_comes_twice_counts_once() {
    assert_eq!(
        story(&[(0, 2); 5], 1),
        [false; 5],
        "it has failed twice, and says so in five heartbeats"
    );
    assert_eq!(
        story(&[(0, 1), (1, 1), (0, 1), (1, 1), (0, 2)], 2),
        [false, false, false, false, true],
        "twice together, said again, and then once more"
    );
}

fn a_late_total_takes_nothing_back() {
    assert_eq!(
        story(&[(0, 2), (0, 1), (1, 1)], 2),
        [false, false, true],
        "2 came, then an older report with 1; so it is 2 still, and 1 of the other reduce"
    );
}

fn complaints_of_one_map_are_not_those_of_another() {
    let mut failures = FetchFailures::default();
    for index in 0..10 {
        let failure = FetchFailure {
            reduce: reduce(0),
            map: map(index),
            failures: 2,
        };
        assert!(
            !failures.complain(&failure, 0, 1),
            "two failures to fetch map {index}; what failed of others says nothing of it"
        );
    }
}

fn complaints_of_an_older_attempt_change_nothing() {
    let mut failures = FetchFailures::default();
    let older = FetchFailure {
        reduce: reduce(0),
        map: map(0),
        failures: 9,
    };
    assert!(
        !failures.complain(&older, 1, 1),
        "attempt 0 has failed to be fetched 9 times, but attempt 1 counts by now"
    );
    assert!(
        failures.is_empty(),
        "a late complaint leaves no trace; here is {failures:?}"
    );
    let newer = FetchFailure {
        map: attempt(TaskKind::Map, 0, 1),
        failures: 2,
        ..older
    };
    assert!(
        !failures.complain(&newer, 1, 1),
        "attempt 1 has failed to be fetched twice"
    );
}

fn what_counts_no_more_has_not_complained() {
    let mut failures = FetchFailures::default();
    complain(&mut failures, 0, 2, 2);
    failures.forget_reduce(reduce(0));
    assert!(
        failures.is_empty(),
        "the only attempt that complained counts no more; here is {failures:?}"
    );
    assert!(
        !complain(&mut failures, 1, 1, 2),
        "what is left is one failure of one reduce"
    );
    complain(&mut failures, 0, 1, 2);
    failures.forget_reduce(reduce(0));
    assert!(
        !complain(&mut failures, 1, 2, 2),
        "two failures of reduce 1 are left"
    );
    assert!(
        complain(&mut failures, 1, 3, 2),
        "reduce 1 has not been forgotten: three of its own, and it is half of those that fetch"
    );
}

fn a_new_output_begins_with_a_clean_slate() {
    let mut failures = FetchFailures::default();
    complain(&mut failures, 0, 3, 2);
    let other = FetchFailure {
        reduce: reduce(0),
        map: map(7),
        failures: 2,
    };
    failures.complain(&other, 0, 1);
    failures.forget_map(map(0));
    assert!(
        !complain(&mut failures, 1, 1, 2),
        "what was complained of before is gone with that output"
    );
    let third = FetchFailure {
        failures: 3,
        ..other
    };
    assert!(
        failures.complain(&third, 0, 1),
        "what was complained of map 7 is remembered"
    );
}

fn an_absurd_total_is_only_a_large_one() {
    assert_eq!(
        story(&[(0, u32::MAX), (1, u32::MAX), (2, 1)], 6),
        [false, false, true],
        "three of six reduces complain, two of them with the largest number that there is"
    );
}

fn whatever_reduces_say() {
    for seed in seeds(200) {
        let mut rng = Rng::new(seed);
        let mut failures = FetchFailures::default();
        let mut totals: BTreeMap<(u32, u32), u32> = BTreeMap::new();
        let mut told = Vec::new();
        let shuffling = u32::try_from(1 + rng.below(7)).unwrap();
        for _ in 0..40 {
            let mut draw = |n| u32::try_from(rng.below(n)).unwrap();
            let (r, m, total) = (draw(6), draw(2), 1 + draw(3));
            match draw(12) {
                0 => {
                    failures.forget_reduce(reduce(r));
                    totals.retain(|(_, one), _| *one != r);
                    told.push(format!("reduce {r} counts no more"));
                }
                1 => {
                    failures.forget_map(map(m));
                    totals.retain(|(one, _), _| *one != m);
                    told.push(format!("the output of map {m} counts no more"));
                }
                _ => {
                    let failure = FetchFailure {
                        reduce: reduce(r),
                        map: map(m),
                        failures: total,
                    };
                    let again = failures.complain(&failure, 0, shuffling);
                    let known = totals.entry((m, r)).or_default();
                    *known = total.max(*known);
                    let of_it = totals.iter().filter(|((one, _), _)| *one == m);
                    let sum: u32 = of_it.clone().map(|(_, total)| total).sum();
                    let reduces = u32::try_from(of_it.count()).unwrap();
                    told.push(format!(
                        "reduce {r} has failed {total} times to fetch map {m}"
                    ));
                    assert_eq!(
                        again,
                        sum >= 3 && reduces * 2 >= shuffling,
                        "whether map {m} is run again: {sum} failures of {reduces} reduces, {shuffling} are fetching; seed {seed:#x}:\n  {}",
                        told.join("\n  ")
                    );
                }
            }
        }
    }
}
