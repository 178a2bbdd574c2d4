//! What moves when the membership changes.

use autograder::{Test, tests};
use consistent_hash::NodeId;
use consistent_hash::ring::Point;
use consistent_hash::ring::moves::{Move, moves};
use proptest::prelude::*;

use crate::points::{any_points, around, nearest, points};

pub(crate) const TESTS: &[Test] = tests![
    where_nothing_changes_nothing_moves,
    a_node_that_comes_takes_the_way_up_to_its_point,
    a_node_that_goes_leaves_its_part_to_the_next,
    what_moves_may_go_over_the_end,
    the_whole_circle_may_move,
    points_that_come_and_go_at_once_are_each_considered,
    a_new_point_of_the_same_node_moves_nothing,
    nothing_moves_to_nobody_or_from_nobody,
    every_position_moves_as_its_owners_say_in_any_case,
];

/// What is wrong with a list of moves, asked at, before and behind each point, and in the middle of each move.
fn check(before: &[Point], after: &[Point], said: &[Move]) -> Result<(), String> {
    let middles = said.iter().map(|one| {
        let half = one.span.until.wrapping_sub(one.span.after) / 2;
        one.span.after.wrapping_add(half)
    });
    let near = around(before).into_iter().chain(around(after));
    for position in near.chain(middles) {
        let (old, new) = (nearest(before, position), nearest(after, position));
        let expected = match (old, new) {
            (Some(from), Some(to)) if from != to => vec![(from, to)],
            _ => vec![],
        };
        let found: Vec<(NodeId, NodeId)> = (said.iter())
            .filter(|one| one.span.contains(position))
            .map(|one| (one.from, one.to))
            .collect();
        if found != expected {
            let list = |pairs: &[(NodeId, NodeId)]| match pairs {
                [] => "not move".to_owned(),
                _ => pairs
                    .iter()
                    .map(|(from, to)| format!("move from {from} to {to}"))
                    .collect::<Vec<_>>()
                    .join(" and "),
            };
            return Err(format!(
                "The position {position} should {}; by what was returned it should {}.\nbefore: {}\nafter: {}\nreturned: {said:?}",
                list(&expected),
                list(&found),
                ring(before),
                ring(after)
            ));
        }
    }
    Ok(())
}

fn ring(points: &[Point]) -> String {
    let point = |point: &Point| format!("{} at {}", point.node, point.position);
    points.iter().map(point).collect::<Vec<_>>().join(", ")
}

fn moves_of(before: &[(u64, u32)], after: &[(u64, u32)]) {
    let (before, after) = (points(before), points(after));
    let said = moves(&before, &after);
    check(&before, &after, &said).unwrap_or_else(|error| panic!("{error}"));
}

fn where_nothing_changes_nothing_moves() {
    let ring = points(&[(100, 1), (200, 2)]);
    assert_eq!(moves(&ring, &ring), [], "before and after are the same");
}

fn a_node_that_comes_takes_the_way_up_to_its_point() {
    moves_of(&[(100, 1), (200, 2)], &[(100, 1), (150, 3), (200, 2)]);
    moves_of(
        &[(100, 1), (200, 2)],
        &[(100, 1), (120, 3), (150, 3), (200, 2)],
    );
}

fn a_node_that_goes_leaves_its_part_to_the_next() {
    moves_of(&[(100, 1), (150, 3), (200, 2)], &[(100, 1), (200, 2)]);
    moves_of(
        &[(100, 1), (150, 3), (200, 2), (250, 3)],
        &[(100, 1), (200, 2)],
    );
}

fn what_moves_may_go_over_the_end() {
    moves_of(&[(100, 1), (200, 2)], &[(50, 3), (100, 1), (200, 2)]);
    moves_of(&[(100, 1), (200, 2)], &[(100, 1), (200, 2), (250, 3)]);
    moves_of(&[(100, 1), (200, 2), (300, 3)], &[(200, 2), (300, 3)]);
}

fn the_whole_circle_may_move() {
    moves_of(&[(100, 1)], &[(100, 2)]);
    moves_of(&[(100, 1)], &[(200, 2)]);
    moves_of(&[(100, 1), (200, 1)], &[(150, 2), (250, 2)]);
}

fn points_that_come_and_go_at_once_are_each_considered() {
    moves_of(
        &[(100, 1), (200, 2), (300, 3)],
        &[(100, 1), (150, 4), (250, 4), (300, 3)],
    );
    // Another node at the same position.
    moves_of(&[(100, 1), (200, 2)], &[(100, 1), (200, 3)]);
}

fn a_new_point_of_the_same_node_moves_nothing() {
    let before = points(&[(100, 1), (200, 2)]);
    let after = points(&[(100, 1), (150, 2), (200, 2)]);
    assert_eq!(
        moves(&before, &after),
        [],
        "n2 has one more point, before its other one: the positions 101 to 150 were its own before"
    );
}

fn nothing_moves_to_nobody_or_from_nobody() {
    let ring = points(&[(100, 1), (200, 2)]);
    assert_eq!(
        moves(&[], &ring),
        [],
        "before there was nobody who had anything"
    );
    assert_eq!(
        moves(&ring, &[]),
        [],
        "after there is nobody who could take it"
    );
    assert_eq!(moves(&[], &[]), []);
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn every_position_moves_as_its_owners_say_in_any_case(before in any_points(6), after in any_points(6)) {
        let checked = check(&before, &after, &moves(&before, &after));
        prop_assert!(checked.is_ok(), "{}", checked.unwrap_err());
    }
}
