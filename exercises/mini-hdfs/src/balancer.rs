//! Which replicas to move so that all DataNodes are about equally full (`Balancer`, `Dispatcher`, without their threads).
//!
//! New DataNodes come empty, and old ones do not get emptier by that: placement prefers no node for its room. So a
//! tool of its own evens things out, slowly, beside the normal work. It is a client like others: it asks the NameNode who
//! is how full and which blocks a full DataNode has, and tells DataNodes to fetch a replica from each other. The NameNode then
//! finds one replica too many and deletes that of the full DataNode, since the one who fetched it has said so.
//!
//! An iteration has two decisions. [`pair_up`] looks at the whole cluster: who gives, who takes, how much. [`choose_moves`] looks at
//! one such pair, and finds blocks whose replicas may go that way. `server/balancer.rs` does it.

use std::collections::{BTreeMap, BTreeSet};

use crate::block::{Block, BlockId, DatanodeId};
use crate::namenode::topology::Place;

/// A DataNode as the balancer sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Which one.
    pub id: DatanodeId,
    /// Its machine.
    pub hostname: String,
    /// The path of its rack.
    pub rack: String,
    /// Bytes that its volumes hold in all; more than 0.
    pub capacity: u64,
    /// Bytes that its replicas use.
    pub used: u64,
    /// Bytes that are free for new replicas.
    pub remaining: u64,
}

/// How a DataNode's utilisation compares with that of all together, with a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Above the average by more than the threshold.
    Over,
    /// Above the average.
    AboveAverage,
    /// At the average, or below it.
    BelowAverage,
    /// Below the average by more than the threshold.
    Under,
}

/// One DataNode shall give bytes to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Who gives.
    pub source: DatanodeId,
    /// Who takes.
    pub target: DatanodeId,
    /// How many bytes at most; more than 0.
    pub bytes: u64,
}

/// A block that the source of a pair has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBlock {
    /// The block.
    pub block: Block,
    /// All DataNodes with a good replica, the source among them.
    pub holders: Vec<DatanodeId>,
}

/// A replica that shall go to another DataNode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which block.
    pub block: Block,
    /// Whose replica shall go.
    pub source: DatanodeId,
    /// Who shall have it.
    pub target: DatanodeId,
    /// From whom the target shall fetch it.
    pub proxy: DatanodeId,
}

/// Utilisations in percent of the capacity: of each DataNode, and of all together.
#[derive(Clone, Debug)]
pub struct Utilisation {
    average: f64,
    threshold: f64,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a thousandth of a percent does not matter"
)]
fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole as f64
}

impl Utilisation {
    /// Of these DataNodes, with a threshold in percent of the capacity. The average weighs each by its capacity.
    pub fn new(nodes: &[Node], threshold: f64) -> Utilisation {
        let (used, capacity) = nodes.iter().fold((0_u64, 0_u64), |(used, capacity), node| {
            (
                used.saturating_add(node.used),
                capacity.saturating_add(node.capacity),
            )
        });
        Utilisation {
            average: percent(used, capacity.max(1)),
            threshold,
        }
    }

    /// Where a DataNode stands.
    pub fn class(&self, node: &Node) -> Class {
        let difference = percent(node.used, node.capacity) - self.average;
        if difference > self.threshold {
            Class::Over
        } else if difference > 0.0 {
            Class::AboveAverage
        } else if difference >= -self.threshold {
            Class::BelowAverage
        } else {
            Class::Under
        }
    }

    /// How many bytes a DataNode must give or take to be just at the average; one that takes, no more than it has room for.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "it is between 0 and the capacity"
    )]
    pub fn distance(&self, node: &Node) -> u64 {
        let difference = percent(node.used, node.capacity) - self.average;
        let bytes = (difference.abs() / 100.0 * node.capacity as f64) as u64;
        if difference > 0.0 {
            bytes.min(node.used)
        } else {
            bytes.min(node.remaining)
        }
    }

    /// How many bytes must be moved until no DataNode is over or under: the larger of what those that are over have
    /// beyond the threshold, and what those that are under lack.
    pub fn bytes_left(&self, nodes: &[Node]) -> u64 {
        let beyond = |class: Class| -> u64 {
            let such = nodes.iter().filter(|node| self.class(node) == class);
            such.map(|node| self.beyond_threshold(node)).sum()
        };
        beyond(Class::Over).max(beyond(Class::Under))
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "it is between 0 and the capacity"
    )]
    fn beyond_threshold(&self, node: &Node) -> u64 {
        let difference = (percent(node.used, node.capacity) - self.average).abs();
        ((difference - self.threshold).max(0.0) / 100.0 * node.capacity as f64) as u64
    }
}

/// Decides who gives to whom in one iteration.
///
/// Those above the average give, the others take, each at most its [`Utilisation::distance`] and at most `max` bytes
/// (`dfs.balancer.max-size-to-move`). These pairs are made, one kind after the other:
///
/// 1. who is [`Class::Over`] gives to those that are [`Class::Under`];
/// 2. who is `Over` and has something left, to those [`Class::BelowAverage`];
/// 3. who is [`Class::AboveAverage`], to those that are `Under` and still lack something.
///
/// First all three among DataNodes of the same rack, so that as little as possible travels between racks; then all three
/// among all. A pair is made of all that its two can give and take: never is one left with a rest when the other has one too.
pub fn pair_up(nodes: &[Node], utilisation: &Utilisation, max: u64) -> Vec<Pair> {
    let _ = (nodes, utilisation, max);
    todo!(
        "hdfs/balancer: three kinds of pairs, first within racks, then between them; keep account of what is left."
    )
}

/// Chooses replicas to move from the source of a pair to its target.
///
/// Goes through `blocks` in order, and takes each one that can be moved:
///
/// - it is none of `moved`, which were chosen before in this run of the balancer, and is named only once;
/// - it is no longer than what is left of `pair.bytes` after those that were taken;
/// - the target has no replica of it;
/// - afterwards its replicas stand in as many racks as before, or more.
///
/// The target fetches it from the holder that is nearest to it ([`crate::namenode::topology::distance`] of their [places](place_of)); of several, any.
/// `nodes` are all DataNodes; a holder that is not among them is not known to stand anywhere, and cannot be the proxy.
pub fn choose_moves(
    pair: &Pair,
    blocks: &[StoredBlock],
    nodes: &BTreeMap<DatanodeId, Node>,
    moved: &BTreeSet<BlockId>,
) -> Vec<Move> {
    let _ = (pair, blocks, nodes, moved);
    todo!(
        "hdfs/balancer: block after block, ask whether it can go; and who is nearest to where it goes."
    )
}

/// Where a DataNode stands.
pub fn place_of(node: &Node) -> Place<'_> {
    Place {
        hostname: &node.hostname,
        rack: &node.rack,
    }
}
