//! Nothing is delivered before what it depends on, twice, or never.

use std::collections::BTreeMap;

use autograder::{Test, tests};
use proptest::prelude::*;
use vector_clocks::causal_broadcast::{Broadcast, CausalBroadcast};

use crate::{chat, scenario};

pub(crate) const TESTS: &[Test] = tests![
    the_first_of_a_process_is_next,
    nobody_overtakes_himself,
    an_answer_is_not_next_before_its_question,
    what_was_delivered_is_not_next,
    who_knows_less_than_we_do_is_not_held_back,
    what_is_next_is_delivered_at_once,
    an_answer_waits_for_its_question,
    a_whole_chain_is_set_free_at_once,
    a_copy_is_dropped,
    nothing_is_missing_where_nothing_waits,
    what_waits_is_not_missing,
    of_each_process_the_first_that_is_missing_is_named,
    in_any_order_everything_is_delivered_in_a_good_one,
    on_a_bad_network_no_answer_comes_before_its_question,
];

const NOTHING: &[u32] = &[];

type Said = Broadcast<&'static str, u32>;

/// A broadcast of `sender` that carries these counts; the payload tells it apart.
fn said(sender: &'static str, counts: &[(&'static str, u64)], payload: u32) -> Said {
    Broadcast {
        sender,
        stamp: counts.iter().copied().collect(),
        payload,
    }
}

/// Dee, who broadcasts nothing, and has delivered so many of each.
fn dee(delivered: &[(&'static str, u64)]) -> CausalBroadcast<&'static str, u32> {
    let mut dee = CausalBroadcast::new("dee");
    dee.delivered = delivered.iter().copied().collect();
    dee
}

fn payloads(delivered: &[Said]) -> Vec<u32> {
    delivered
        .iter()
        .map(|broadcast| broadcast.payload)
        .collect()
}

fn the_first_of_a_process_is_next() {
    let next = dee(&[]).is_next(&said("ada", &[("ada", 1)], 0));
    assert!(next, "ada's first broadcast depends on nothing");
    let next = dee(&[("ada", 4), ("bob", 2)]).is_next(&said("bob", &[("bob", 3)], 0));
    assert!(next, "two of bob were delivered, and this is his third");
}

fn nobody_overtakes_himself() {
    let next = dee(&[]).is_next(&said("ada", &[("ada", 2)], 0));
    assert!(!next, "ada's second broadcast should wait for her first");
}

fn an_answer_is_not_next_before_its_question() {
    let answer = said("bob", &[("ada", 1), ("bob", 1)], 0);
    assert!(
        !dee(&[]).is_next(&answer),
        "bob had seen ada's first broadcast when he sent this"
    );
    assert!(
        dee(&[("ada", 1)]).is_next(&answer),
        "ada's first broadcast has been delivered"
    );
}

fn what_was_delivered_is_not_next() {
    let dee = dee(&[("ada", 2)]);
    for number in [1, 2] {
        let next = dee.is_next(&said("ada", &[("ada", number)], 0));
        assert!(!next, "number {number} of ada has been delivered");
    }
}

fn who_knows_less_than_we_do_is_not_held_back() {
    let dee = dee(&[("ada", 5), ("cy", 1)]);
    let next = dee.is_next(&said("bob", &[("ada", 2), ("bob", 1)], 0));
    assert!(
        next,
        "bob had seen two of ada, and here five were delivered: nothing is missing"
    );
}

fn what_is_next_is_delivered_at_once() {
    let mut dee = dee(&[]);
    let delivered = dee.receive(said("ada", &[("ada", 1)], 10));
    assert_eq!(payloads(&delivered), [10], "it depends on nothing");
    let delivered = dee.receive(said("bob", &[("bob", 1)], 20));
    assert_eq!(
        payloads(&delivered),
        [20],
        "it is concurrent with ada's, and depends on nothing"
    );
    assert_eq!(
        dee.delivered,
        BTreeMap::from([("ada", 1), ("bob", 1)]),
        "both count as delivered"
    );
    assert!(dee.waiting.is_empty(), "nothing waits: {:?}", dee.waiting);
}

fn an_answer_waits_for_its_question() {
    let mut dee = dee(&[]);
    let delivered = dee.receive(said("bob", &[("ada", 1), ("bob", 1)], 20));
    assert_eq!(
        payloads(&delivered),
        NOTHING,
        "bob's answer should wait for ada's question"
    );
    let delivered = dee.receive(said("ada", &[("ada", 1)], 10));
    assert_eq!(
        payloads(&delivered),
        [10, 20],
        "the question has come: both can be delivered, in this order"
    );
}

fn a_whole_chain_is_set_free_at_once() {
    let mut dee = dee(&[]);
    // Each answers the one before it, and they come in reverse.
    let names = ["ada", "bob", "cy"];
    for i in (1..30_u32).rev() {
        let counts = (0_u32..).zip(names);
        let counts: Vec<(&str, u64)> = counts
            .map(|(p, name)| (name, u64::from((i + 3 - p) / 3)))
            .collect();
        let (sender, _) = counts[i as usize % 3];
        let delivered = dee.receive(said(sender, &counts, i));
        assert_eq!(
            payloads(&delivered),
            NOTHING,
            "number {i} depends on all before it"
        );
    }
    let delivered = dee.receive(said("ada", &[("ada", 1)], 0));
    let expected: Vec<u32> = (0..30).collect();
    assert_eq!(
        payloads(&delivered),
        expected,
        "with the first, all that waited can be delivered"
    );
    assert!(
        dee.waiting.is_empty(),
        "nothing waits any more: {:?}",
        dee.waiting
    );
}

fn a_copy_is_dropped() {
    let mut dee = dee(&[]);
    let (question, answer) = (
        said("ada", &[("ada", 1)], 10),
        said("bob", &[("ada", 1), ("bob", 1)], 20),
    );
    dee.receive(answer.clone());
    assert_eq!(
        payloads(&dee.receive(answer.clone())),
        NOTHING,
        "a copy of what waits"
    );
    assert_eq!(
        payloads(&dee.receive(question.clone())),
        [10, 20],
        "each once, whatever came twice"
    );
    for copy in [question, answer] {
        assert_eq!(
            payloads(&dee.receive(copy)),
            NOTHING,
            "a copy of what was delivered"
        );
    }
    assert!(
        dee.waiting.is_empty(),
        "a copy of what was delivered should not wait for ever: {:?}",
        dee.waiting
    );
    assert_eq!(
        dee.delivered,
        BTreeMap::from([("ada", 1), ("bob", 1)]),
        "each counts once"
    );
}

/// Has broadcasts wait, whatever `receive` does.
fn waits(dee: &mut CausalBroadcast<&'static str, u32>, broadcasts: &[Said]) {
    for broadcast in broadcasts {
        let key = (broadcast.sender, broadcast.number());
        dee.waiting.insert(key, broadcast.clone());
    }
}

fn nothing_is_missing_where_nothing_waits() {
    assert_eq!(dee(&[("ada", 3)]).missing(), BTreeMap::new());
}

fn what_waits_is_not_missing() {
    let mut dee = dee(&[]);
    let answer = said("bob", &[("ada", 1), ("bob", 1)], 20);
    waits(&mut dee, &[answer]);
    assert_eq!(
        dee.missing(),
        BTreeMap::from([("ada", 1)]),
        "bob's first has come and waits; ada's first has not"
    );
}

fn of_each_process_the_first_that_is_missing_is_named() {
    let mut dee = dee(&[("ada", 2)]);
    waits(
        &mut dee,
        &[
            said("ada", &[("ada", 3), ("cy", 4)], 1),
            said("ada", &[("ada", 6), ("cy", 4)], 2),
            said("bob", &[("ada", 2), ("bob", 3)], 3),
        ],
    );
    let expected = BTreeMap::from([("ada", 4), ("bob", 1), ("cy", 1)]);
    assert_eq!(
        dee.missing(),
        expected,
        "two of ada were delivered, her third and sixth wait; of bob the third waits, of cy four are needed"
    );
}

proptest! {
    #![proptest_config(autograder::property(128))]

    fn in_any_order_everything_is_delivered_in_a_good_one(
        steps in prop::collection::vec((0..3_usize, any::<u8>()), 1..25),
        shuffle in any::<u64>(),
    ) {
        // A run of three who see each other's broadcasts with some delay, then all of it in some order, some twice, at dee.
        let names = ["ada", "bob", "cy"];
        let mut seen: [BTreeMap<&str, u64>; 3] = Default::default();
        let mut all: Vec<Said> = Vec::new();
        for (number, (who, others)) in (0_u32..).zip(&steps) {
            // What he has seen of another's grows up to what the other knows of himself.
            let other = usize::from(*others) % 3;
            if other != *who {
                let known = seen[other].clone();
                for (name, count) in known {
                    let mine = seen[*who].entry(name).or_default();
                    *mine = count.max(*mine);
                }
            }
            *seen[*who].entry(names[*who]).or_default() += 1;
            let counts: Vec<(&str, u64)> = seen[*who].iter().map(|(name, count)| (*name, *count)).collect();
            all.push(said(names[*who], &counts, number));
        }
        // By a number that looks random and follows from `shuffle`.
        let copies = (0..all.len()).chain(0..all.len() / 2);
        let number = |place: u64| (place + 1).wrapping_mul(shuffle | 1).rotate_left(17);
        let mut order: Vec<(u64, usize)> = (0..).map(number).zip(copies).collect();
        order.sort_unstable();
        let mut dee = dee(&[]);
        let mut delivered: Vec<Said> = Vec::new();
        for (_, at) in order {
            delivered.extend(dee.receive(all[at].clone()));
            // What is missing is what a look at everything says.
            let mut missing = BTreeMap::new();
            for name in names {
                let needed = dee.waiting.values().map(|waiting| waiting.stamp.get(&name)).max().unwrap_or(0);
                let count = delivered.iter().filter(|broadcast| broadcast.sender == name).count() as u64;
                let first = (count + 1..=needed).find(|number| !dee.waiting.contains_key(&(name, *number)));
                missing.extend(first.map(|first| (name, first)));
            }
            prop_assert_eq!(dee.missing(), missing, "waiting: {:?}", dee.waiting);
        }
        let mut sorted = payloads(&delivered);
        sorted.sort_unstable();
        let expected: Vec<u32> = (0..).take(all.len()).collect();
        prop_assert_eq!(sorted, expected, "each is delivered once");
        for (at, later) in delivered.iter().enumerate() {
            for earlier in &delivered[at + 1..] {
                let depends = earlier.number() <= later.stamp.get(&earlier.sender);
                prop_assert!(!depends, "{:?} depends on {:?}, and is delivered before it", later, earlier);
            }
        }
    }
}

fn on_a_bad_network_no_answer_comes_before_its_question() {
    for seed in autograder::seeds(60) {
        scenario::check(&chat::Chat, seed);
    }
}
