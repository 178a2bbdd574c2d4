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

// BEGIN SOLUTION
/// How fit a node is to take a replica, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fitness {
    Good,
    /// It has more than twice the average of transfers.
    Overloaded,
    Stale,
    Holding,
    Excluded,
    Dead,
    Full,
}
// END SOLUTION

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
    // EXERCISE(hdfs/placement): replica by replica, to a node that can take it and, where one does, fulfils its wish.
    let mut fitness = judge(nodes, request);
    let racks: BTreeSet<&str> = nodes
        .iter()
        .zip(&fitness)
        .filter(|(_, fitness)| **fitness <= Fitness::Holding)
        .map(|(node, _)| node.rack)
        .collect();

    // The racks of the replicas, in their order.
    let rack_of = |id: &DatanodeId| {
        let node = nodes.iter().find(|node| node.id == *id)?;
        (node.state != DatanodeState::Dead).then_some(node.rack)
    };
    let mut chosen: Vec<&str> = request.chosen.iter().filter_map(rack_of).collect();
    let limit = max_per_rack(chosen.len() + request.wanted, racks.len());
    let mut targets = Vec::new();
    while targets.len() < request.wanted {
        let levels = [Fitness::Good, Fitness::Overloaded, Fitness::Stale];
        let next = levels.into_iter().find_map(|level| {
            let below = |rack| chosen.iter().filter(|other| **other == rack).count() < limit;
            let fit: Vec<usize> = (0..nodes.len())
                .filter(|index| fitness[*index] <= level && below(nodes[*index].rack))
                .collect();
            let wish = |index: &usize| fulfils_wish(&nodes[*index], &chosen, request.writer_host);
            let best: Vec<usize> = fit.iter().copied().filter(wish).collect();
            rng.choose(if best.is_empty() { &fit } else { &best })
                .copied()
        });
        let Some(next) = next else { break };
        fitness[next] = Fitness::Holding;
        chosen.push(nodes[next].rack);
        targets.push(nodes[next].id);
    }
    if targets.is_empty() && request.wanted > 0 {
        return Err(refusal(&fitness));
    }
    Ok(targets)
}

// BEGIN SOLUTION
fn judge(nodes: &[Candidate<'_>], request: &Request<'_>) -> Vec<Fitness> {
    let alive = nodes.iter().filter(|n| n.state != DatanodeState::Dead);
    let (count, load) = alive.fold((0, 0), |(count, load), node| {
        (count + 1, load + u64::from(node.xceivers))
    });
    let judge = |node: &Candidate<'_>| {
        if node.state == DatanodeState::Dead {
            Fitness::Dead
        } else if request.chosen.contains(&node.id) {
            Fitness::Holding
        } else if request.excluded.contains(&node.id) {
            Fitness::Excluded
        } else if node.remaining < request.block_size {
            Fitness::Full
        } else if node.state == DatanodeState::Stale {
            Fitness::Stale
        } else if u64::from(node.xceivers) * count > 2 * load {
            Fitness::Overloaded
        } else {
            Fitness::Good
        }
    };
    nodes.iter().map(judge).collect()
}

fn fulfils_wish(node: &Candidate<'_>, chosen: &[&str], writer_host: Option<&str>) -> bool {
    match chosen {
        [] => Some(node.hostname) == writer_host,
        [first] => node.rack != *first,
        [first, second] if first == second => node.rack != *first,
        [_, second] => node.rack == *second,
        _ => true,
    }
}

fn refusal(fitness: &[Fitness]) -> PlacementError {
    let count = |kind| fitness.iter().filter(|fitness| **fitness == kind).count();
    PlacementError {
        nodes: fitness.len(),
        dead: count(Fitness::Dead),
        full: count(Fitness::Full),
        excluded: count(Fitness::Excluded),
        holding: count(Fitness::Holding),
        rack_full: count(Fitness::Good) + count(Fitness::Overloaded) + count(Fitness::Stale),
    }
}
// END SOLUTION
