//! Multi-probe consistent hashing (Appleton & O'Reilly 2015, arXiv:1505.00062): the ring's balance without the ring's memory.
//!
//! The ring evens out unlucky spans by many virtual nodes: memory for balance. Here a node has one point, and the *key* is hashed many
//! times; of all the probes the one that lies closest to a point behind it wins, and that point's node gets the key. A node with a long
//! span is often hit, but from far away, and so seldom wins. With 21 probes no node has more than 1.05 times the mean on average; a ring needs about 700
//! virtual nodes for each node for that.
//!
//! - Costs: 16 bytes for each node and 4 to 8 for the index; a look-up is as many look-ups on the ring as there are probes.
//!   They do not wait for each other, so a processor does several at a time.
//! - Moves: exactly what must. A new point can only win keys for itself; when one goes, the best of what is left wins.
//! - Weights: a node of weight w has w points, each of which wins as often as any other.
//! - Cannot: name the ranges of a node. A key's node depends on all its probes, so what a node owns is no range of anything.

use crate::hash;
use crate::members::{Members, distinct};
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};
use crate::ring::index::Index;
use crate::ring::{Point, points_of};

/// The paper's number of probes for a peak of 1.05 times the mean (its table 1).
pub const PROBES: u32 = 21;

/// Multi-probe consistent hashing.
#[derive(Clone, Debug)]
pub struct MultiProbe {
    seed: u64,
    probes: u32,
    members: Members,
    points: Vec<Point>,
    index: Index,
}

impl MultiProbe {
    /// Without nodes. A look-up hashes the key so many times, at least once: see [`PROBES`].
    pub fn new(probes: u32, seed: u64) -> MultiProbe {
        MultiProbe {
            seed,
            probes: probes.max(1),
            members: Members::default(),
            points: Vec::new(),
            index: Index::new(&[]),
        }
    }

    /// The point that is closest behind one of the key's probes.
    fn closest(&self, key: &[u8]) -> Option<usize> {
        // Double hashing, as in the paper: two hashes make them all. An odd step does not come back to where it was.
        let mut probe = hash::key(self.seed, key);
        let step = hash::nth(probe, 1) | 1;
        let mut best = None;
        let mut least = u64::MAX;
        for _ in 0..self.probes {
            let at = self.index.successor(&self.points, probe)?;
            let distance = self.points[at].position.wrapping_sub(probe);
            if best.is_none() || distance < least {
                (best, least) = (Some(at), distance);
            }
            probe = probe.wrapping_add(step);
        }
        best
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
        Some(self.points[self.closest(key)?].node)
    }

    /// The key's node, and those that follow on the circle.
    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        let (before, from) = self.points.split_at(self.closest(key).unwrap_or(0));
        let walk = from.iter().chain(before).map(|point| point.node);
        distinct(walk, self.members.len(), n)
    }

    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        self.members.add_all(nodes, 1)?;
        for node in nodes {
            self.points.extend(points_of(self.seed, node, 1));
        }
        self.points.sort();
        self.index = Index::new(&self.points);
        Ok(())
    }

    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        self.members.remove(id)?;
        self.points.retain(|point| point.node != id);
        self.index = Index::new(&self.points);
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        let points = self.points.capacity() * size_of::<Point>();
        self.members.memory_bytes() + points + self.index.memory_bytes()
    }
}
