//! The tree of losers.

use std::cell::Cell;

use autograder::{Test, tests};
use mini_mapreduce::merge::{build, replay};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    the_smallest_wins,
    one_player_wins_alone,
    each_player_but_the_winner_has_lost_once,
    who_wins_again_after_a_change,
    a_replay_takes_few_comparisons,
    building_takes_a_comparison_a_match,
    sorted_lists_become_one,
];

/// Builds over numbers; who has none has ended, and loses to everybody.
fn beats(numbers: &[Option<u32>], a: usize, b: usize) -> bool {
    match (numbers[a], numbers[b]) {
        (None, _) => false,
        (_, None) => true,
        (Some(first), Some(second)) => (first, a) < (second, b),
    }
}

fn winner_of(numbers: &[u32]) -> usize {
    let numbers: Vec<Option<u32>> = numbers.iter().copied().map(Some).collect();
    build(numbers.len(), &|a, b| beats(&numbers, a, b)).1
}

fn the_smallest_wins() {
    assert_eq!(winner_of(&[5, 2, 8, 4]), 1, "2 is the smallest");
    assert_eq!(winner_of(&[9, 8, 7, 6, 5, 4, 3]), 6, "of seven, the last");
    assert_eq!(winner_of(&[1, 8, 7, 6, 5]), 0, "of five, the first");
    assert_eq!(
        winner_of(&[3, 3, 3]),
        0,
        "who beats whom is for `beats` to say"
    );
}

fn one_player_wins_alone() {
    let nobody = |_: usize, _: usize| -> bool { panic!("there is nobody to play against") };
    let (mut tree, winner) = build(1, &nobody);
    assert_eq!(winner, 0);
    assert_eq!(
        replay(&mut tree, 0, &nobody),
        0,
        "and again, when he has changed"
    );
}

fn each_player_but_the_winner_has_lost_once() {
    for count in 2..40_usize {
        let numbers: Vec<Option<u32>> = (0..count)
            .map(|i| u32::try_from(i * 7 % count).ok())
            .collect();
        let (tree, winner) = build(count, &|a, b| beats(&numbers, a, b));
        let mut players = tree[1..].to_vec();
        players.push(winner);
        players.sort_unstable();
        let all: Vec<usize> = (0..count).collect();
        assert_eq!(players, all, "nodes 1 to {} hold a loser each", count - 1);
    }
}

fn who_wins_again_after_a_change() {
    let mut numbers = [Some(5), Some(2), Some(8), Some(4)];
    let (mut tree, winner) = build(4, &|a, b| beats(&numbers, a, b));
    assert_eq!(winner, 1);
    numbers[1] = Some(6);
    let winner = replay(&mut tree, 1, &|a, b| beats(&numbers, a, b));
    assert_eq!(winner, 3, "4 is the smallest of 5, 6, 8, 4");
    numbers[3] = None;
    let winner = replay(&mut tree, 3, &|a, b| beats(&numbers, a, b));
    assert_eq!(
        winner, 0,
        "who has ended loses: 5 is the smallest of 5, 6, 8"
    );
    numbers[0] = Some(5);
    let winner = replay(&mut tree, 0, &|a, b| beats(&numbers, a, b));
    assert_eq!(winner, 0, "he may win again");
}

/// How many comparisons a step takes, of so many players.
fn comparisons(count: usize) -> (usize, usize) {
    let asked = Cell::new(0);
    let count_and_say = |numbers: &[Option<u32>], a, b| {
        asked.set(asked.get() + 1);
        beats(numbers, a, b)
    };
    let mut numbers: Vec<Option<u32>> = (0..count)
        .map(|i| u32::try_from(i * 37 % 1009).ok())
        .collect();
    let (mut tree, mut winner) = build(count, &|a, b| count_and_say(&numbers, a, b));
    let built = asked.replace(0);
    let mut most = 0;
    for step in 0..500_u32 {
        numbers[winner] = numbers[winner].map(|number| number + 11 + step % 97);
        winner = replay(&mut tree, winner, &|a, b| count_and_say(&numbers, a, b));
        most = most.max(asked.replace(0));
    }
    (built, most)
}

fn a_replay_takes_few_comparisons() {
    for (count, max) in [(8, 3), (9, 4), (64, 6), (1000, 10)] {
        let (_, most) = comparisons(count);
        assert!(
            most <= max,
            "{most} comparisons of {count} players; {max} matches lie on the way to the root"
        );
    }
}

fn building_takes_a_comparison_a_match() {
    for count in [2, 8, 9, 1000] {
        let (built, _) = comparisons(count);
        assert_eq!(
            built,
            count - 1,
            "comparisons to build a tree of {count} players, of whom all but one lose once"
        );
    }
}

proptest! {
    #![proptest_config(autograder::property(200))]

    fn sorted_lists_become_one(
        lists in prop::collection::vec(prop::collection::vec(0_u32..50, 0..20), 1..20),
    ) {
        let mut lists = lists;
        for list in &mut lists {
            list.sort_unstable();
        }
        let mut next = vec![0; lists.len()];
        let heads = |next: &[usize]| -> Vec<Option<u32>> {
            next.iter().zip(&lists).map(|(at, list)| list.get(*at).copied()).collect()
        };
        let mut numbers = heads(&next);
        let (mut tree, mut winner) = build(lists.len(), &|a, b| beats(&numbers, a, b));
        let mut merged = Vec::new();
        while let Some(number) = numbers[winner] {
            merged.push((number, winner));
            assert!(merged.len() < 1000, "it never ends");
            next[winner] += 1;
            numbers = heads(&next);
            winner = replay(&mut tree, winner, &|a, b| beats(&numbers, a, b));
        }
        let of = |(i, list): (usize, &Vec<u32>)| -> Vec<(u32, usize)> {
            list.iter().map(|number| (*number, i)).collect()
        };
        let mut expected: Vec<(u32, usize)> = lists.iter().enumerate().flat_map(of).collect();
        expected.sort_unstable();
        assert_eq!(merged, expected, "each number, and the list that it came from");
    }
}
