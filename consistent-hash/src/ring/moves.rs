//! What moves when the membership changes: which positions, from where, to where.
//!
//! It is what a store needs to hand data over. Cassandra's `nodetool join` streams these ranges, Riak calls each a
//! transfer of its handoff. The store copies a range to its target, sends new writes to both, and lets the source
//! forget it when the target has all.

use super::Point;
use super::lookup::Span;
use crate::partitioner::NodeId;

/// Positions that change hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// Which positions.
    pub span: Span,
    /// Who owns them before.
    pub from: NodeId,
    /// Who owns them after.
    pub to: NodeId,
}

/// The positions that one node owns before and another one after, as spans that do not overlap, in any order. None
/// where there are no points before or none after: then nobody hands over, or nobody takes.
///
/// Both lists stand by position; of two points at the same position the first one counts.
pub fn moves(before: &[Point], after: &[Point]) -> Vec<Move> {
    // EXERCISE(hash/moves): between two neighbouring points of either ring, whose is it before, and whose after?
    let borders = |points: &[Point]| points.iter().map(|point| point.position).collect();
    let mut all: Vec<u64> = borders(before);
    all.extend::<Vec<u64>>(borders(after));
    all.sort_unstable();
    all.dedup();
    let mut moves: Vec<Move> = Vec::new();
    let (mut old, mut new) = (0, 0);
    let mut last = all.last().copied().unwrap_or_default();
    for until in all {
        let (Some(from), Some(to)) = (
            behind(before, &mut old, until),
            behind(after, &mut new, until),
        ) else {
            return Vec::new();
        };
        let span = Span { after: last, until };
        last = until;
        match moves.last_mut() {
            _ if from == to => {}
            Some(same) if (same.from, same.to, same.span.until) == (from, to, span.after) => {
                same.span.until = until;
            }
            _ => moves.push(Move { span, from, to }),
        }
    }
    moves
}

// BEGIN SOLUTION
/// The node of the first point at `position` or behind it. `at` has passed all points before an earlier position.
fn behind(points: &[Point], at: &mut usize, position: u64) -> Option<NodeId> {
    while points
        .get(*at)
        .is_some_and(|point| point.position < position)
    {
        *at += 1;
    }
    points.get(*at).or(points.first()).map(|point| point.node)
}
// END SOLUTION
