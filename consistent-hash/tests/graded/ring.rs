//! Who owns a position, and what a node owns.

use autograder::{Test, tests};
use consistent_hash::NodeId;
use consistent_hash::ring::Point;
use consistent_hash::ring::lookup::{Span, owned, owner};
use proptest::prelude::*;

use crate::points::{any_points, around, nearest, points, position, span};

pub(crate) const TESTS: &[Test] = tests![
    a_position_belongs_to_the_next_point,
    a_point_owns_its_own_position,
    behind_the_last_point_is_the_first,
    without_points_nobody_owns_anything,
    of_two_points_at_one_position_the_first_counts,
    a_node_owns_what_lies_before_its_points,
    what_goes_over_the_end_is_owned_too,
    a_node_alone_owns_the_whole_circle,
    a_point_behind_another_at_its_position_owns_nothing,
    every_position_is_owned_by_one_node_in_any_case,
];

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);

/// Fails where what `node` owns is not `expected`, as one span or cut into several.
fn owns(ring: &[Point], node: NodeId, expected: Span, why: &str) {
    let spans = owned(ring, node);
    let inside = |span: &Span| {
        [span.after.wrapping_add(1), span.until]
            .iter()
            .all(|at| expected.contains(*at))
    };
    assert!(
        spans.iter().all(inside) && spans.iter().map(Span::len).sum::<u128>() == expected.len(),
        "{why}: {node} owns the positions behind {}, up to {}; it came as {spans:?}",
        expected.after,
        expected.until
    );
}

fn a_position_belongs_to_the_next_point() {
    let ring = points(&[(100, 1), (200, 2), (300, 1)]);
    for (position, node) in [(0, A), (99, A), (101, B), (199, B), (201, A)] {
        assert_eq!(
            owner(&ring, position),
            Some(node),
            "there are points of n1 at 100 and 300, of n2 at 200; clockwise from {position} the next one decides"
        );
    }
}

fn a_point_owns_its_own_position() {
    let ring = points(&[(100, 1), (200, 2)]);
    assert_eq!(owner(&ring, 100), Some(A), "n1 has a point at 100 itself");
    assert_eq!(owner(&ring, 200), Some(B), "n2 has a point at 200 itself");
}

fn behind_the_last_point_is_the_first() {
    let ring = points(&[(100, 1), (200, 2)]);
    for position in [201, u64::MAX] {
        assert_eq!(
            owner(&ring, position),
            Some(A),
            "the last point is at 200, so from {position} it goes around the end of the circle to the one at 100"
        );
    }
}

fn without_points_nobody_owns_anything() {
    assert_eq!(owner(&[], 7), None, "there are no points");
    assert_eq!(owned(&[], A), [], "there are no points");
    let ring = points(&[(100, 1)]);
    assert_eq!(owned(&ring, B), [], "n2 has no point");
}

fn of_two_points_at_one_position_the_first_counts() {
    let ring = points(&[(100, 1), (200, 2), (200, 3), (300, 3)]);
    for position in [150, 200] {
        assert_eq!(
            owner(&ring, position),
            Some(B),
            "n2 and n3 have points at 200, and n2's stands first in the list"
        );
    }
}

fn a_node_owns_what_lies_before_its_points() {
    let ring = points(&[(100, 1), (200, 2), (300, 2), (400, 1)]);
    owns(
        &ring,
        B,
        span(100, 300),
        "n2 has points at 200 and 300, and the one before them is at 100",
    );
}

fn what_goes_over_the_end_is_owned_too() {
    let ring = points(&[(100, 1), (200, 2), (300, 3)]);
    owns(
        &ring,
        A,
        span(300, 100),
        "before n1's point at 100 there is, around the end of the circle, the one at 300",
    );
}

fn a_node_alone_owns_the_whole_circle() {
    for ring in [points(&[(100, 1)]), points(&[(100, 1), (200, 1)])] {
        let spans = owned(&ring, A);
        assert_eq!(
            spans.iter().map(Span::len).sum::<u128>(),
            1 << 64,
            "n1 is alone: its spans should have all 2^64 positions; they are {spans:?}"
        );
    }
}

fn a_point_behind_another_at_its_position_owns_nothing() {
    let ring = points(&[(100, 1), (200, 2), (200, 3)]);
    assert_eq!(
        owned(&ring, NodeId(3)),
        [],
        "n2's point at 200 stands before n3's at the same position, so n3's owns nothing (and a span from 200 to 200 would be the \
         whole circle)"
    );
    owns(&ring, B, span(100, 200), "the point before n2's is at 100");
    owns(&ring, A, span(200, 100), "the point before n1's is at 200");
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn every_position_is_owned_by_one_node_in_any_case(ring in any_points(8), other in position()) {
        let spans: Vec<(NodeId, Vec<Span>)> =
            (0..5).map(NodeId).map(|node| (node, owned(&ring, node))).collect();
        for position in around(&ring).into_iter().chain([other]) {
            let expected = nearest(&ring, position);
            prop_assert_eq!(owner(&ring, position), expected, "the owner of {}, of {:?}", position, &ring);
            let said: Vec<NodeId> = (spans.iter())
                .flat_map(|(node, spans)| spans.iter().map(move |span| (node, span)))
                .filter(|(_, span)| span.contains(position))
                .map(|(node, _)| *node)
                .collect();
            prop_assert_eq!(
                said, Vec::from_iter(expected),
                "whose spans have the position {}, of {:?}", position, &ring
            );
        }
    }
}
