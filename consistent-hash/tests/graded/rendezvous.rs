//! Rendezvous: the highest score wins.

use std::cmp::Reverse;

use autograder::{Test, tests};
use consistent_hash::NodeId;
use consistent_hash::rendezvous::{Candidate, choose, ln};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    among_equals_the_highest_draw_wins,
    the_ranking_names_the_replicas,
    without_candidates_or_copies_there_is_nothing,
    it_does_not_matter_in_which_order_they_are_asked,
    a_candidate_of_weight_three_wins_three_times_as_often,
    when_one_goes_the_others_keep_what_they_have,
    a_weight_that_grows_takes_and_never_gives,
    the_ranking_is_that_of_the_scores_in_any_case,
];

/// Hashes for candidates and keys: consecutive numbers, mixed.
fn hash(i: u64) -> u64 {
    consistent_hash::hash::mix(i, 0x5eed)
}

/// Candidates 0, 1, 2, … of these weights.
fn candidates(weights: &[u32]) -> Vec<Candidate> {
    let candidate = |(id, weight): (u32, &u32)| Candidate {
        id: NodeId(id),
        weight: *weight,
        hash: hash(u64::from(id) + 1_000_000),
    };
    (0..).zip(weights).map(candidate).collect()
}

fn winner(candidates: &[Candidate], key: u64) -> Option<NodeId> {
    choose(candidates, key, 1).first().copied()
}

fn among_equals_the_highest_draw_wins() {
    let all = candidates(&[1; 5]);
    for key in (0..50).map(hash) {
        let draws: Vec<u64> = all.iter().map(|candidate| candidate.draw(key)).collect();
        let best = all.iter().max_by_key(|candidate| candidate.draw(key));
        assert_eq!(
            choose(&all, key, 1),
            Vec::from_iter(best.map(|best| best.id)),
            "all have the weight 1, and n0 to n4 have drawn {draws:?}"
        );
    }
}

fn the_ranking_names_the_replicas() {
    let all = candidates(&[2; 5]);
    for key in (0..20).map(hash) {
        let mut ranking: Vec<&Candidate> = all.iter().collect();
        ranking.sort_by_key(|candidate| Reverse(candidate.draw(key)));
        let ids: Vec<NodeId> = ranking.iter().map(|candidate| candidate.id).collect();
        for n in 1..=5 {
            assert_eq!(
                choose(&all, key, n),
                ids[..n],
                "the {n} highest of five candidates of the same weight, the highest draw first"
            );
        }
    }
}

fn without_candidates_or_copies_there_is_nothing() {
    assert_eq!(choose(&[], 7, 3), [], "there are no candidates");
    assert_eq!(choose(&candidates(&[1, 1]), 7, 0), [], "none are wanted");
    let all = choose(&candidates(&[1, 2]), 7, usize::MAX);
    assert_eq!(
        all.len(),
        2,
        "there are two candidates, and more are wanted"
    );
}

fn it_does_not_matter_in_which_order_they_are_asked() {
    let all = candidates(&[1, 5, 2, 1, 9]);
    let mut reversed = all.clone();
    reversed.reverse();
    for key in (0..50).map(hash) {
        assert_eq!(
            choose(&all, key, 5),
            choose(&reversed, key, 5),
            "the same candidates, once from n0 to n4 and once from n4 to n0"
        );
    }
}

fn a_candidate_of_weight_three_wins_three_times_as_often() {
    const KEYS: u64 = 4_000;
    let all = candidates(&[1, 3]);
    let won = (0..KEYS)
        .map(hash)
        .filter(|key| winner(&all, *key) == Some(NodeId(1)))
        .count();
    // Binomial, with the mean 3,000 and the deviation 27.
    assert!(
        (2_860..3_140).contains(&won),
        "of {KEYS} keys the candidate of weight 3 has won {won}, beside one of weight 1; it should be about 3,000"
    );
}

fn when_one_goes_the_others_keep_what_they_have() {
    let all = candidates(&[1, 4, 2, 1, 3]);
    let without: Vec<Candidate> = all
        .iter()
        .copied()
        .filter(|one| one.id != NodeId(2))
        .collect();
    for key in (0..500).map(hash) {
        let before = choose(&all, key, 2);
        let after = winner(&without, key);
        let expected = before.iter().copied().find(|id| *id != NodeId(2));
        assert_eq!(
            after, expected,
            "before n2 went the first two were {before:?}: n2's keys go to the second, all others stay"
        );
    }
}

fn a_weight_that_grows_takes_and_never_gives() {
    let (before, after) = (candidates(&[2, 2, 2]), candidates(&[2, 5, 2]));
    for key in (0..500).map(hash) {
        let (old, new) = (winner(&before, key), winner(&after, key));
        assert!(
            new == old || new == Some(NodeId(1)),
            "n1's weight has grown from 2 to 5, and a key has moved from {old:?} to {new:?}"
        );
    }
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn the_ranking_is_that_of_the_scores_in_any_case(
        weights in prop::collection::vec(prop_oneof![1..4u32, 1..u32::MAX, Just(u32::MAX)], 1..8),
        key: u64,
    ) {
        let all = candidates(&weights);
        let ranking = choose(&all, key, all.len());
        let mut ids = ranking.clone();
        ids.sort_unstable();
        prop_assert_eq!(ids, all.iter().map(|one| one.id).collect::<Vec<_>>(), "each candidate once");
        let score = |id: &NodeId| {
            let candidate = &all[id.0 as usize];
            -f64::from(candidate.weight) / ln(candidate.draw(key))
        };
        for pair in ranking.windows(2) {
            let [higher, lower] = [score(&pair[0]), score(&pair[1])];
            // Whoever computes it in another order may be off by the last bits.
            prop_assert!(
                higher >= lower * (1.0 - 1e-12),
                "{} with the score {} stands before {} with {}", pair[0], higher, pair[1], lower
            );
        }
    }
}
