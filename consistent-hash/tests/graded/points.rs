//! Points on a circle, by hand and at random.

use consistent_hash::NodeId;
use consistent_hash::ring::Point;
use consistent_hash::ring::lookup::Span;
use proptest::prelude::*;

/// Points at these positions, of these nodes.
pub(crate) fn points(all: &[(u64, u32)]) -> Vec<Point> {
    let point = |(position, node): &(u64, u32)| Point {
        position: *position,
        node: NodeId(*node),
    };
    all.iter().map(point).collect()
}

/// The positions behind `after`, up to `until` and with it.
pub(crate) fn span(after: u64, until: u64) -> Span {
    Span { after, until }
}

/// Where points may stand at random: near each other, at the ends of the circle, anywhere.
pub(crate) fn position() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..30u64,
        Just(u64::MAX),
        u64::MAX - 9..u64::MAX,
        any::<u64>()
    ]
}

/// Up to so many points of the nodes 0 to 4, by position.
pub(crate) fn any_points(most: usize) -> impl Strategy<Value = Vec<Point>> {
    prop::collection::vec((position(), 0..5u32), 0..=most).prop_map(|mut all| {
        all.sort_unstable();
        points(&all)
    })
}

/// The positions at, before and behind all of these points, and the ends of the circle.
pub(crate) fn around(all: &[Point]) -> Vec<u64> {
    let near = |point: &Point| {
        let at = point.position;
        [at.wrapping_sub(1), at, at.wrapping_add(1)]
    };
    all.iter().flat_map(near).chain([0, u64::MAX]).collect()
}

/// Who owns a position, found in the slowest way: of all points the one with the shortest way to it.
pub(crate) fn nearest(all: &[Point], position: u64) -> Option<NodeId> {
    let way = |point: &&Point| point.position.wrapping_sub(position);
    all.iter().min_by_key(way).map(|point| point.node)
}
