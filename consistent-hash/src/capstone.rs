//! The capstone: a router of your own, from an empty file ([`router`]).
//!
//! A store keeps [`COPIES`] copies of every key on nodes of different weights in several zones. A key's hash is its *position*, from
//! 0 to `u64::MAX`; a router says which nodes hold a position, and, when a node comes or goes, which node has to copy which ranges of positions
//! from which. Everything else in this crate shows one strategy; here you choose, and may combine. It is judged by its answers
//! alone. Of this crate it uses [`hash`](crate::hash) and the types of a node, and no strategy: it is to be your own, and a test looks at its `use`s.
//!
//! # What it may count on
//!
//! - Changes come one at a time. Before the next one the copies of the last plan have been made.
//! - Weights are 1 to [`WEIGHT_MAX`]. A node without a zone stands in a zone with all others that have none.
//! - There are at most a hundred members.
//!
//! # The rules
//!
//! 1. A position is held by [`COPIES`] different members, or by all of them where there are fewer.
//! 2. They stand in as many zones as they can: in [`COPIES`], or in all where there are fewer.
//! 3. The answer depends on the members alone: whoever has heard of the same ones, in whatever order, with whatever comings
//!    and goings between, names the same nodes in the same order. (Routers run on every client, and nothing but the list of members is
//!    ever sent to them.)
//! 4. Each node holds at least 0.6 times and at most 1.5 times its *fair share* of all positions, give or take 0.01 of them.
//! 5. Of each node's share as the first of the replicas, which answers reads, the same is true: fair is its part of the weight of all.
//! 6. A change copies at most 1.5 times what any router that is perfectly fair has to copy (the sum of what fair shares
//!    grow by), give or take 0.02 of all positions.
//! 7. A plan is complete: for each position and each node that holds it after the change and not before, there is a move.
//! 8. A plan has no superfluous move: none to a node that holds the position already, or is not going to, or is named
//!    already; and no more than [`MOVES_MAX`].
//! 9. A move's source held the position before. After [`Change::Fail`] it is another one than the node that failed; after
//!    [`Change::Leave`] the node that leaves is a source like any other. Where nobody held anything before there is nothing to move.
//! 10. A member does not join, who is no member does not leave: that is an error, and changes nothing.
//!
//! Rules 4 to 6 hold while there are three zones or more, and none weighs more than twice as much as another; rule 6 before and after
//! the change.
//!
//! The fair share: each zone holds [`COPIES`] times its part of the weight of all, but no position twice; what a zone may not hold for that
//! reason the others share, again by weight. In a zone each node has its part by weight.

use crate::partitioner::{MembershipError, Node, NodeId};

pub mod router;

/// How many nodes hold a position.
pub const COPIES: usize = 3;

/// The weight of the heaviest node.
pub const WEIGHT_MAX: u32 = 8;

/// As many moves a plan may have.
pub const MOVES_MAX: usize = 50_000;

/// A change of the membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A node joins, with nothing on its disks: also if it was a member before.
    Join(Node),
    /// A node is taken out of service. It goes on answering until the plan has been carried out.
    Leave(NodeId),
    /// A node is lost, with what it held.
    Fail(NodeId),
}

/// A part of a plan: a node has to get a range of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// The first position of the range.
    pub first: u64,
    /// The last one, which belongs to it.
    pub last: u64,
    /// The node that has it.
    pub from: NodeId,
    /// The node that shall have it too.
    pub to: NodeId,
}

// ANCHOR: trait
/// What you write; [`router::router`] returns it.
pub trait Router {
    /// Takes note of a change, and says what has to be copied for it.
    ///
    /// # Errors
    /// When a member joins, or who is no member leaves or fails. Nothing has changed then.
    fn change(&mut self, change: Change) -> Result<Vec<Move>, MembershipError>;

    /// The nodes that hold a position, the one that answers reads first.
    fn replicas(&self, position: u64) -> Vec<NodeId>;
}
// ANCHOR_END: trait
