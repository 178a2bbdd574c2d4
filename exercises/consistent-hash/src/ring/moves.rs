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
    let _ = (before, after);
    todo!(
        "hash/moves: between two neighbouring points of either ring, whose is it before, and whose after?"
    )
}
