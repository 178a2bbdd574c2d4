//! What moves in a store that keeps copies: which positions each node has to get, and who has them.
//!
//! [`super::moves`] is about the first copy. With `n` copies a change of the membership also changes who has the second
//! and the third; and a copy can be made from any node that has one, which matters when the reason for the change is
//! that a node is dead.

use super::Ring;
use super::lookup::Span;
use crate::partitioner::NodeId;

/// Positions that a node has to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// Which positions.
    pub span: Span,
    /// Who has them before, the owner first. Some of these may have gone, or may be why there is a change at all.
    pub sources: Vec<NodeId>,
    /// Who has to have them after, and has not before.
    pub to: NodeId,
}

/// What has to be copied so that each position is on the `n` nodes that `after` says, when it is on those that `before`
/// says. By position; nothing where there were no nodes before.
pub(super) fn handovers(before: &Ring, after: &Ring, n: usize) -> Vec<Handover> {
    let points = before.table.points().chain(after.table.points());
    let mut borders: Vec<u64> = points.map(|point| point.position).collect();
    borders.sort_unstable();
    borders.dedup();
    let mut handovers: Vec<Handover> = Vec::new();
    let mut last = borders.last().copied().unwrap_or_default();
    for until in borders {
        let span = Span { after: last, until };
        last = until;
        let sources = before.replicas_at(until, n);
        let targets = after.replicas_at(until, n);
        let new = targets.into_iter().filter(|node| !sources.contains(node));
        for to in new.filter(|_| !sources.is_empty()) {
            // The piece before it, if it was on the same nodes and goes to the same one.
            let joins = |one: &&mut Handover| {
                one.span.until == span.after && one.to == to && one.sources == sources
            };
            match handovers.iter_mut().rev().take(n).find(joins) {
                Some(piece) => piece.span.until = until,
                None => handovers.push(Handover {
                    span,
                    sources: sources.clone(),
                    to,
                }),
            }
        }
    }
    handovers
}
