//! Maglev's table.

use autograder::{Test, tests};
use consistent_hash::maglev::{Preference, fill};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    a_node_alone_gets_every_entry,
    without_turns_there_is_no_table,
    two_nodes_take_turns,
    the_papers_example_comes_out,
    without_a_node_the_papers_example_hardly_changes,
    the_table_is_even_to_one_entry,
    who_has_two_turns_gets_twice_as_much,
    the_table_is_filled_turn_by_turn_in_any_case,
];

/// Offset and skip of each node.
fn preferences(all: &[(usize, usize)]) -> Vec<Preference> {
    let preference = |&(offset, skip): &(usize, usize)| Preference { offset, skip };
    all.iter().map(preference).collect()
}

fn counts(table: &[usize], nodes: usize) -> Vec<usize> {
    (0..nodes)
        .map(|node| table.iter().filter(|entry| **entry == node).count())
        .collect()
}

fn a_node_alone_gets_every_entry() {
    assert_eq!(
        fill(&preferences(&[(3, 4)]), &[0], 7),
        [0; 7],
        "there is one node, and its order goes through all seven entries"
    );
}

fn without_turns_there_is_no_table() {
    assert_eq!(
        fill(&[], &[], 7),
        [],
        "no nodes, no turns: the table is empty, and nothing waits for ever"
    );
}

fn two_nodes_take_turns() {
    assert_eq!(
        fill(&preferences(&[(0, 1), (0, 1)]), &[0, 1], 5),
        [0, 1, 0, 1, 0],
        "both want the entries 0, 1, 2, 3, 4 in this order; each takes one at its turn, node 0 first"
    );
    assert_eq!(
        fill(&preferences(&[(0, 1), (4, 4)]), &[0, 1], 5),
        [0, 0, 0, 1, 1],
        "node 0 wants 0, 1, 2, …, node 1 wants 4, 3, 2, …; node 0 is first, so the last entry is its own"
    );
}

/// Table 1 of the paper.
const PAPERS: [(usize, usize); 3] = [(3, 4), (0, 2), (3, 1)];

fn the_papers_example_comes_out() {
    assert_eq!(
        fill(&preferences(&PAPERS), &[0, 1, 2], 7),
        [1, 0, 1, 0, 2, 2, 0],
        "the paper's table 1: B0 wants 3 0 4 1 5 2 6, B1 wants 0 2 4 6 1 3 5, B2 wants 3 4 5 6 0 1 2"
    );
}

fn without_a_node_the_papers_example_hardly_changes() {
    assert_eq!(
        fill(&preferences(&PAPERS), &[0, 2], 7),
        [0, 0, 0, 0, 2, 2, 2],
        "the paper's table 1 without B1: of the five entries of the others, one moves (6, from B0 to B2)"
    );
}

fn the_table_is_even_to_one_entry() {
    let three = preferences(&[(0, 1), (0, 1), (50, 37)]);
    let table = fill(&three, &[0, 1, 2], 101);
    let mut counts = counts(&table, 3);
    counts.sort_unstable();
    assert_eq!(
        counts,
        [33, 34, 34],
        "three nodes share 101 entries in turns, whatever their orders are"
    );
}

fn who_has_two_turns_gets_twice_as_much() {
    let table = fill(&preferences(&[(5, 3), (90, 11)]), &[0, 1, 0], 101);
    assert_eq!(
        counts(&table, 2),
        [67, 34],
        "node 0 has two turns of three: 33 times all three, and then the turns 0 and 1"
    );
}

/// Whoever's turn it is takes the first entry of its whole order that is free: no thought for where it was before.
fn turn_by_turn(preferences: &[Preference], turns: &[usize], size: usize) -> Vec<usize> {
    let mut table = vec![usize::MAX; size];
    for turn in 0..size {
        let node = turns[turn % turns.len()];
        let Preference { offset, skip } = preferences[node];
        let order = (0..size).map(|j| (offset + j * skip) % size);
        let free: Vec<usize> = order.filter(|entry| table[*entry] == usize::MAX).collect();
        table[free[0]] = node;
    }
    table
}

proptest! {
    #![proptest_config(autograder::property(128))]

    fn the_table_is_filled_turn_by_turn_in_any_case(
        size in prop::sample::select(vec![2_usize, 3, 7, 31, 101]),
        orders in prop::collection::vec((0..10_000usize, 0..10_000usize), 1..6),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 1..9),
    ) {
        let orders: Vec<(usize, usize)> =
            orders.iter().map(|(offset, skip)| (offset % size, 1 + skip % (size - 1))).collect();
        let turns: Vec<usize> = turns.iter().map(|turn| turn.index(orders.len())).collect();
        let all = preferences(&orders);
        prop_assert_eq!(
            fill(&all, &turns, size), turn_by_turn(&all, &turns, size),
            "(offset, skip) of each node: {:?}; the turns: {:?}; {} entries", orders, turns, size
        );
    }
}
