//! Who owns a position, and which positions a node owns: the two directions of the same rule.

use super::Point;
use crate::partitioner::NodeId;

/// Positions one after the other, clockwise: those behind `after`, up to `until` and with it. Where both are the same
/// it is the whole circle. It may go over the end: from 90 until 10 are those above 90 and those up to 10.
///
/// Cassandra calls it a token range, and excludes the beginning for the same reason: a point owns its own position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The position before the first.
    pub after: u64,
    /// The last position.
    pub until: u64,
}

impl Span {
    /// Whether a position is one of these.
    pub fn contains(&self, position: u64) -> bool {
        // Both as distances behind `after`: 1 is the first position, 0 the last before it goes around.
        let distance = |to: u64| to.wrapping_sub(self.after).wrapping_sub(1);
        distance(position) <= distance(self.until)
    }

    /// How many positions these are: 1 to 2^64.
    pub fn len(&self) -> u128 {
        u128::from(self.until.wrapping_sub(self.after).wrapping_sub(1)) + 1
    }

    /// Never: there is at least one.
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// The node that owns a position: that of the first point at `position` or behind it, and around the end of the circle
/// if there is none. None where there are no points.
///
/// `points` stand by position. Of two at the same position the first one counts.
pub fn owner(points: &[Point], position: u64) -> Option<NodeId> {
    // EXERCISE(hash/ring): the node of the first point at or behind the position, clockwise.
    let at = points.partition_point(|point| point.position < position);
    points.get(at).or(points.first()).map(|point| point.node)
}

/// All positions that `node` owns, as spans that do not overlap, in any order. None where it has no point.
///
/// `points` stand by position. Of two at the same position only the first one owns anything.
pub fn owned(points: &[Point], node: NodeId) -> Vec<Span> {
    // EXERCISE(hash/ring): each point owns what lies between the point before it and itself.
    let mut points = points.to_vec();
    points.dedup_by_key(|point| point.position);
    let mut owned = Vec::new();
    let Some(mut before) = points.last().copied() else {
        return owned;
    };
    for point in points {
        if point.node == node {
            owned.push(Span {
                after: before.position,
                until: point.position,
            });
        }
        before = point;
    }
    owned
}
