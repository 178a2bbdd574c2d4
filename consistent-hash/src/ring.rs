//! The ring (Karger et al. 1997; Chord, Dynamo, Cassandra, Riak): hashes in a circle, and nodes that own the way up to
//! them.
//!
//! A key's hash is a position on a circle of 2^64. Each node stands at many random positions, its virtual nodes; a key
//! belongs to the first one clockwise. So a virtual node owns the span between the one before it and itself. A node
//! that comes cuts some spans in two and takes the lower parts; a node that goes leaves its spans to those behind them.
//! Nothing else changes hands.
//!
//! | in | is |
//! | --- | --- |
//! | [`lookup`] | who owns a key, and what a node owns |
//! | [`spread`] | replicas on distinct nodes, in distinct zones first |
//! | [`moves`] | the ranges that change hands, with source and target: what a store has to copy |
//! | [`handover`] | the same for all copies, and not for the first alone |
//! | [`table`] | where the points stand: a look-up is given the two around its position, and a change costs little more with more nodes |
//!
//! - Costs: 18 to 20 bytes for each virtual node, up to four times that after most nodes have left; a look-up is two reads from
//!   memory, and a change of the membership as many small ones as the node has virtual nodes, but where the table has grown by a
//!   tenth, or shrunk to a quarter: then all are spread anew.
//! - Moves: exactly what must, one key in n on average.
//! - Balance: with v virtual nodes each, a node's share varies by about 1/√v of the mean: 8 % with v = 160, so the
//!   fullest of a hundred nodes has some 20 % more than the mean. That is the ring's weak point; [`crate::maglev`],
//!   [`crate::multi_probe`] and [`crate::bounded`] each have another answer to it.
//! - Weights: a node of weight w has w × v virtual nodes.

pub mod handover;
pub mod lookup;
pub mod moves;
pub mod spread;
pub mod table;

use crate::hash;
use crate::members::Members;
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};
use handover::Handover;
use lookup::Span;
use moves::Move;
use table::Table;

/// A virtual node: where it stands on the ring, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Its position, of 2^64.
    pub position: u64,
    /// Its node.
    pub node: NodeId,
}

/// Consistent hashing on a ring with virtual nodes.
#[derive(Clone, Debug)]
pub struct Ring {
    seed: u64,
    virtual_nodes: u32,
    members: Members,
    table: Table,
}

impl Ring {
    /// Without nodes. A node of weight 1 will have so many virtual nodes, at least 1.
    pub fn new(virtual_nodes: u32, seed: u64) -> Ring {
        Ring {
            seed,
            virtual_nodes: virtual_nodes.max(1),
            members: Members::default(),
            table: Table::default(),
        }
    }

    /// The virtual nodes, by position; of two at the same position the one of the lower number first. Written out anew each
    /// time.
    pub fn points(&self) -> Vec<Point> {
        self.table.points().collect()
    }

    /// The members.
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// The position of a key.
    pub fn position(&self, key: &[u8]) -> u64 {
        hash::key(self.seed, key)
    }

    /// The spans of positions that a node owns.
    pub fn owned(&self, node: NodeId) -> Vec<Span> {
        lookup::owned(&self.points(), node)
    }

    /// What changes its owner between this ring and `after`. Both need the same seed and the same number of virtual
    /// nodes; otherwise nearly everything does.
    pub fn moves(&self, after: &Ring) -> Vec<Move> {
        moves::moves(&self.points(), &after.points())
    }

    /// What has to be copied between this ring and `after` in a store that keeps `n` copies, and who has it. Of `after`
    /// the same holds as with [`Ring::moves`].
    pub fn handovers(&self, after: &Ring, n: usize) -> Vec<Handover> {
        handover::handovers(self, after, n)
    }

    /// The nodes that hold a copy of what is at a position: [`Partitioner::replicas`] of a key that is there.
    pub fn replicas_at(&self, position: u64, n: usize) -> Vec<NodeId> {
        match self.table.successor(position) {
            Some(at) => spread::replicas(self.table.places(), at, &self.members, n),
            None => Vec::new(),
        }
    }
}

/// The virtual nodes of a node: its `count × weight` points.
pub(crate) fn points_of(seed: u64, node: &Node, count: u32) -> impl Iterator<Item = Point> {
    let node_id = node.id;
    (0..count.saturating_mul(node.weight)).map(move |i| Point {
        position: hash::point(seed, node_id, i),
        node: node_id,
    })
}

impl Partitioner for Ring {
    fn name(&self) -> &'static str {
        "ring"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        let position = self.position(key);
        lookup::owner(self.table.near(position), position)
    }

    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        self.replicas_at(self.position(key), n)
    }

    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        self.members.add_all(nodes, self.virtual_nodes)?;
        let points_of = |node| points_of(self.seed, node, self.virtual_nodes);
        self.table
            .insert(nodes.iter().flat_map(points_of).collect());
        Ok(())
    }

    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        let node = self.members.remove(id)?;
        for point in points_of(self.seed, &node, self.virtual_nodes) {
            self.table.remove(point);
        }
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.members.memory_bytes() + self.table.memory_bytes()
    }
}
