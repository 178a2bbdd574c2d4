//! Multi-probe consistent hashing (Appleton & O'Reilly 2015, arXiv:1505.00062): the ring's balance without the ring's
//! memory.
//!
//! The ring evens out unlucky spans by many virtual nodes: memory for balance. Here a node has one point, and the *key*
//! is hashed many times; of all the probes the one that lies closest to a point behind it wins, and that point's node
//! gets the key. A node with a long span is often hit, but from far away, and so seldom wins. With k probes the peak is
//! k/(k − 1) times the mean, for many nodes: 1.05 with 21. A ring needs some thousand virtual nodes for each node for
//! that.
//!
//! - Costs: 18 to 20 bytes for each node (up to four times that after most have left); a look-up is as many look-ups on the ring as there are
//!   probes. They do not wait for each other, so a processor does several at a time.
//! - Moves: exactly what must. A new point can only win keys for itself; when one goes, the best of what is left wins.
//! - Balance: for ten nodes the peak is up to 1.2, since one with a very short span has little, and the others what it
//!   has not.
//! - Weights: a node of weight w has w points, each of which wins as often as any other.
//! - Cannot: name the ranges of a node. A key's node depends on all its probes, so what a node owns is no range of
//!   anything.

use crate::hash;
use crate::members::{Members, distinct};
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};
use crate::ring::points_of;
use crate::ring::table::Table;

/// The paper's number of probes for a peak of 1.05 times the mean.
pub const PROBES: u32 = 21;

/// Multi-probe consistent hashing.
#[derive(Clone, Debug)]
pub struct MultiProbe {
    seed: u64,
    probes: u32,
    members: Members,
    table: Table,
}

impl MultiProbe {
    /// Without nodes. A look-up hashes the key so many times, at least once: see [`PROBES`].
    pub fn new(probes: u32, seed: u64) -> MultiProbe {
        MultiProbe {
            seed,
            probes: probes.max(1),
            members: Members::default(),
            table: Table::default(),
        }
    }

    /// The probes of a key: the indices in the table of the points behind them, with their distances.
    #[inline]
    fn probes(&self, key: &[u8]) -> impl Iterator<Item = (u64, usize)> {
        let hash = hash::key(self.seed, key);
        (0..u64::from(self.probes)).filter_map(move |i| {
            let probe = hash::nth(hash, i);
            let at = self.table.successor(probe)?;
            Some((self.table.places()[at].position.wrapping_sub(probe), at))
        })
    }
}

impl Partitioner for MultiProbe {
    fn name(&self) -> &'static str {
        "multi-probe"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        let (_, at) = self.probes(key).min_by_key(|(distance, _)| *distance)?;
        Some(self.table.places()[at].node)
    }

    /// The nodes whose points are the closest behind any probe. Such a node is among the first `n` distinct ones behind
    /// that probe, since those between are closer still.
    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        let n = n.min(self.members.len());
        let places = self.table.places();
        let mut near: Vec<(u64, NodeId)> = Vec::new();
        for (distance, at) in self.probes(key) {
            let (before, from) = places.split_at(at);
            let walk = from.iter().chain(before);
            let probe = places[at].position.wrapping_sub(distance);
            let mut seen = Vec::new();
            for point in walk {
                if seen.len() == n {
                    break;
                }
                if !seen.contains(&point.node) {
                    seen.push(point.node);
                    near.push((point.position.wrapping_sub(probe), point.node));
                }
            }
        }
        near.sort_unstable();
        distinct(near.into_iter().map(|(_, node)| node), n, n)
    }

    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        self.members.add_all(nodes, 1)?;
        let points_of = |node| points_of(self.seed, node, 1);
        self.table
            .insert(nodes.iter().flat_map(points_of).collect());
        Ok(())
    }

    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        let node = self.members.remove(id)?;
        for point in points_of(self.seed, &node, 1) {
            self.table.remove(point);
        }
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.members.memory_bytes() + self.table.memory_bytes()
    }
}
