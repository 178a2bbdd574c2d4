//! Where new replicas go (`BlockPlacementPolicyDefault`).
//!
//! The first replica goes to the writer's own machine, which costs no network. The second goes to another
//! rack, so that the loss of one rack's switch loses no block. The third goes beside the second, so that
//! only one copy has to travel between racks. Any more go anywhere, but not too many to one rack.
//! These are wishes; that a node cannot take a replica is a fact. Where the two disagree, a second-best
//! place is better than none.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use node::Rng;

use crate::block::DatanodeId;
use crate::protocol::DatanodeState;

/// A DataNode as placement sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Which one.
    pub id: DatanodeId,
    /// Its machine.
    pub hostname: &'a str,
    /// The path of its rack.
    pub rack: &'a str,
    /// Live, stale or dead.
    pub state: DatanodeState,
    /// Bytes that are free, less what is on its way there.
    pub remaining: u64,
    /// Transfers under way: its load.
    pub xceivers: u32,
}

/// What is to be placed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// How many replicas are to be placed now.
    pub wanted: usize,
    /// The bytes that each of them may grow to.
    pub block_size: u64,
    /// The writer's machine, where it is known.
    pub writer_host: Option<&'a str>,
    /// DataNodes that have, or are about to have, a replica of the block, in the order in which they
    /// were chosen.
    pub chosen: &'a [DatanodeId],
    /// DataNodes that shall not get one.
    pub excluded: &'a BTreeSet<DatanodeId>,
}

/// No DataNode can take a replica: how many there are, and why none will do. Each is counted once, for the first
/// of these reasons that applies to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlacementError {
    /// DataNodes in all.
    pub nodes: usize,
    /// Of these, dead.
    pub dead: usize,
    /// Having a replica of this block already.
    pub holding: usize,
    /// Excluded by whoever asked.
    pub excluded: usize,
    /// With less room than a block may need.
    pub full: usize,
    /// Fit, but in a rack that has as many replicas as it may.
    pub rack_full: usize,
}

impl Display for PlacementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nodes == 0 {
            return write!(f, "no DataNode has registered");
        }
        let reasons = [
            (self.dead, "dead"),
            (self.holding, "holding a replica of it already"),
            (self.excluded, "excluded"),
            (self.full, "without room for a block"),
            (self.rack_full, "in a rack with enough replicas of it"),
        ];
        let reasons = reasons.iter().filter(|(count, _)| *count > 0);
        let reasons: Vec<String> = reasons
            .map(|(count, reason)| format!("{count} {reason}"))
            .collect();
        let (nodes, reasons) = (self.nodes, reasons.join(", "));
        write!(f, "none of {nodes} DataNodes can take it: {reasons}")
    }
}

impl std::error::Error for PlacementError {}

/// How many of `replicas` one rack may get: `(replicas - 1) / racks + 2`, but never all of them when
/// there is more than one of each.
pub fn max_per_rack(replicas: usize, racks: usize) -> usize {
    if replicas <= 1 || racks <= 1 {
        return replicas;
    }
    ((replicas - 1) / racks + 2).min(replicas - 1)
}

/// Chooses up to `request.wanted` DataNodes for new replicas of a block, in the order of the pipeline.
///
/// The replicas that the block *has* are those on the nodes of `chosen`, in that order, and after them the targets, as they are
/// chosen one by one. A node of `chosen` that is dead, or not among `nodes`, has none.
///
/// *Facts.* Never chosen: a node that is dead, in `excluded`, or has a replica, or has `remaining` less than the block
/// size. Nor one whose rack has [`max_per_rack`] replicas already; `replicas` in that formula are those that the block has
/// at the beginning and `wanted` together, `racks` those with a node that could take a replica, or has one, at the beginning.
///
/// *Last resorts.* Nodes that are stale, or overloaded (`xceivers` more than twice the average of all nodes that are not
/// dead), are chosen only when no other node is left for that replica; overloaded ones sooner than stale ones, and
/// one that is both is stale.
///
/// *Wishes.* Among the nodes that are left for it, each replica has a wish; where none fulfils it, any will do:
/// 1. the first that the block has: the writer's machine;
/// 2. the second: another rack than the first's;
/// 3. the third: another rack, if the first two share one, and the second's rack otherwise;
/// 4. all others: none.
///
/// *Luck.* Where several nodes are equally good, `rng` chooses, each with the same chance.
///
/// # Errors
/// When not a single node can be chosen. Fewer than `wanted` are no error.
pub fn choose_targets(
    nodes: &[Candidate<'_>],
    request: &Request<'_>,
    rng: &mut Rng,
) -> Result<Vec<DatanodeId>, PlacementError> {
    let _ = (nodes, request, rng);
    todo!(
        "hdfs/placement: replica by replica, to a node that can take it and, where one does, fulfils its wish."
    )
}
