//! Space-Saving: counts that are never too low, and too high by no more than is said.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use autograder::{Test, tests};
use consistent_hash::skew::space_saving::SpaceSaving;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    space_saving_is_exact_while_there_are_counters,
    space_saving_takes_over_the_lowest_counter,
    space_saving_goes_on_from_the_count_that_it_took_over,
    space_saving_takes_over_one_counter_at_a_time,
    space_saving_finds_the_hot_keys_of_a_long_stream,
    space_saving_keeps_its_bounds_on_any_stream,
    a_merge_adds_what_both_have_seen,
    a_merge_doubts_what_one_of_them_may_have_forgotten,
    a_merge_keeps_the_highest_counters,
    a_merge_keeps_the_bounds_on_any_streams,
];

fn summary(capacity: usize) -> SpaceSaving {
    SpaceSaving::new(NonZeroUsize::new(capacity).unwrap())
}

fn seen(capacity: usize, keys: &str) -> SpaceSaving {
    let mut summary = summary(capacity);
    for key in keys.bytes() {
        summary.offer(&[key]);
    }
    summary
}

/// Counters as text: `a 5-1` came at most 5 times and at least 4 times.
fn told(summary: &SpaceSaving) -> Vec<String> {
    let tell = |c: &&consistent_hash::skew::space_saving::Counter| {
        format!(
            "{} {}-{}",
            String::from_utf8_lossy(&c.key),
            c.count,
            c.error
        )
    };
    summary.top().iter().map(tell).collect()
}

fn space_saving_is_exact_while_there_are_counters() {
    let summary = seen(3, "abacab");
    assert_eq!(
        told(&summary),
        ["a 3-0", "b 2-0", "c 1-0"],
        "three keys and three counters: each key has its own, without any error"
    );
    assert_eq!(summary.total(), 6, "the stream has six keys");
}

fn space_saving_takes_over_the_lowest_counter() {
    let summary = seen(2, "aabc");
    assert_eq!(
        told(&summary),
        ["a 2-0", "c 2-1"],
        "b has the lowest count, 1; c takes its counter over and may have come once before"
    );
}

fn space_saving_goes_on_from_the_count_that_it_took_over() {
    let summary = seen(2, "aaaabbbc");
    assert_eq!(
        told(&summary),
        ["a 4-0", "c 4-3"],
        "b had 3: c came at most 4 times, and once for sure"
    );
    let summary = seen(2, "aaaabbbccb");
    assert_eq!(
        told(&summary),
        ["b 5-4", "c 5-3"],
        "c is counted twice and then has 5, so that b takes a's counter over, with its 4"
    );
}

fn space_saving_takes_over_one_counter_at_a_time() {
    let summary = seen(3, "abcd");
    let told = told(&summary);
    assert_eq!(told.len(), 3, "three counters, all in use: {told:?}");
    assert_eq!(told[0], "d 2-1", "of three with count 1 one is taken over");
    let forgotten = [&b"a"[..], b"b", b"c"];
    let forgotten = forgotten.iter().filter(|key| summary.get(key).is_none());
    assert_eq!(forgotten.count(), 1, "and no other key is forgotten");
}

/// A stream in which `hot` comes every third time, and any other key once.
fn space_saving_finds_the_hot_keys_of_a_long_stream() {
    let mut summary = summary(20);
    for i in 0..9_000u32 {
        match i % 3 {
            0 => summary.offer(b"hot"),
            _ => summary.offer(&i.to_be_bytes()),
        }
    }
    let top = summary.top();
    assert_eq!(top.len(), 20, "all counters are in use");
    assert_eq!(top[0].key, b"hot", "the hot key is first");
    let (count, error) = (top[0].count, top[0].error);
    assert!(
        count >= 3_000 && count - error <= 3_000 && error <= 450,
        "hot came 3,000 times, and its counter says {count} with an error of {error}; the error may be 9,000 / 20"
    );
}

fn exact(keys: &[u8]) -> BTreeMap<u8, u64> {
    let mut exact = BTreeMap::new();
    for key in keys {
        *exact.entry(*key).or_default() += 1;
    }
    exact
}

/// What the paper promises for the summary of a stream.
fn check(summary: &SpaceSaving, keys: &[u8], capacity: usize) -> Result<(), TestCaseError> {
    let exact = exact(keys);
    let (n, k) = (keys.len() as u64, capacity as u64);
    prop_assert_eq!(summary.total(), n, "the length of the stream");
    prop_assert!(
        summary.top().len() <= capacity,
        "{} counters, of {capacity}",
        summary.top().len()
    );
    for counter in summary.top() {
        let truth = exact.get(&counter.key[0]).copied().unwrap_or(0);
        let (count, error) = (counter.count, counter.error);
        prop_assert!(
            error <= n / k,
            "key {:?}: error {error}, above {n} / {k}",
            counter.key
        );
        prop_assert!(
            truth <= count && count <= truth + error,
            "key {:?} came {truth} times: count {count}, error {error}",
            counter.key
        );
    }
    for (key, truth) in exact {
        let counted = summary.get(&[key]).is_some();
        prop_assert!(
            counted || truth <= summary.floor() && truth <= n / k,
            "key {key} came {truth} times of {n} and has none of the {k} counters; the lowest is {}",
            summary.floor()
        );
    }
    Ok(())
}

/// Streams in which low keys come more often.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((0u8..40, 0u8..40).prop_map(|(a, b)| a.min(b)), 0..300)
}

fn of(capacity: usize, keys: &[u8]) -> SpaceSaving {
    let mut summary = summary(capacity);
    keys.iter().for_each(|key| summary.offer(&[*key]));
    summary
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn space_saving_keeps_its_bounds_on_any_stream(keys in streams(), capacity in 1usize..30) {
        let summary = of(capacity, &keys);
        check(&summary, &keys, capacity)?;
        let sum: u64 = summary.top().iter().map(|counter| counter.count).sum();
        prop_assert_eq!(sum, keys.len() as u64, "each key of the stream is counted once");
        let distinct = exact(&keys).len().min(capacity);
        prop_assert_eq!(summary.top().len(), distinct, "no counter is free while a key has none");
    }

    fn a_merge_keeps_the_bounds_on_any_streams(
        first in streams(), second in streams(), third in streams(), capacity in 1usize..30,
    ) {
        let mut summary = of(capacity, &first);
        summary.merge(&of(capacity, &second));
        let mut keys = [first, second].concat();
        check(&summary, &keys, capacity)?;
        // It goes on counting, and is merged again.
        third.iter().for_each(|key| summary.offer(&[*key]));
        keys.extend(&third);
        check(&summary, &keys, capacity)?;
        let mut other = of(capacity, &third);
        other.merge(&summary);
        keys.extend(&third);
        check(&other, &keys, capacity)?;
    }
}

fn a_merge_adds_what_both_have_seen() {
    let mut summary = seen(4, "aab");
    summary.merge(&seen(4, "acb"));
    assert_eq!(
        told(&summary),
        ["a 3-0", "b 2-0", "c 1-0"],
        "neither was full, so nothing was forgotten and nothing is in doubt"
    );
    assert_eq!(summary.total(), 6, "both streams together");
    summary.merge(&seen(4, ""));
    assert_eq!(summary.total(), 6, "an empty stream changes nothing");
}

fn a_merge_doubts_what_one_of_them_may_have_forgotten() {
    let mut summary = seen(3, "aaaabbbcc");
    summary.merge(&seen(3, "aaaaabbbdddd"));
    assert_eq!(
        told(&summary),
        ["a 9-0", "b 6-0", "d 6-2"],
        "d may have come twice in the first stream, whose lowest counter is 2; c, 2 and 3, has no place"
    );
}

fn a_merge_keeps_the_highest_counters() {
    let mut summary = seen(3, "aaaabbbc");
    summary.merge(&seen(3, "ddddddeeeeeff"));
    let keys: Vec<&[u8]> = summary.top().iter().map(|c| &c.key[..]).collect();
    assert_eq!(
        keys,
        [b"d", b"a", b"e"],
        "d came 6 times and e 5 times in one stream, a 4 times in the other"
    );
    let mut summary = seen(5, "abc");
    summary.merge(&seen(2, "aab"));
    let count = summary.top().len();
    assert_eq!(count, 2, "of summaries of 5 and 2 counters comes one of 2");
}
