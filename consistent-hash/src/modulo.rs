//! `hash(key) mod n`: what everybody writes first, and the baseline for all others.
//!
//! A look-up is a division, the balance is as good as the hash, and there is no table but the list of nodes. What it
//! cannot do is change. From `n` nodes to `n + 1`, a key stays only if both remainders name the same node, which is so
//! for one key in `n + 1`: all others move, and most of them between two nodes that were there before. Memcached's
//! early clients did this, and adding a server emptied the cache.

use crate::hash;
use crate::members::{Members, distinct};
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};

/// The remainder chooses. A node of weight w stands w times in the list.
#[derive(Clone, Debug)]
pub struct Modulo {
    seed: u64,
    members: Members,
    /// By number, each as often as its weight.
    slots: Vec<NodeId>,
}

impl Modulo {
    /// Without nodes.
    pub fn new(seed: u64) -> Modulo {
        Modulo {
            seed,
            members: Members::default(),
            slots: Vec::new(),
        }
    }

    /// The slot of a key; none where there are no slots.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are at most ENTRIES_MAX slots, so a remainder fits"
    )]
    fn slot(&self, key: &[u8]) -> Option<usize> {
        let slots = self.slots.len() as u64;
        Some(hash::key(self.seed, key).checked_rem(slots)? as usize)
    }

    fn list(&mut self) {
        let nodes = self.members.nodes().iter();
        self.slots = nodes
            .flat_map(|node| std::iter::repeat_n(node.id, node.weight as usize))
            .collect();
    }
}

impl Partitioner for Modulo {
    fn name(&self) -> &'static str {
        "modulo"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        Some(self.slots[self.slot(key)?])
    }

    /// The key's node, and those that follow in the list.
    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        let slot = self.slot(key).unwrap_or(0);
        let (before, from) = self.slots.split_at(slot);
        distinct(from.iter().chain(before).copied(), self.members.len(), n)
    }

    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        self.members.add_all(nodes, 1)?;
        self.list();
        Ok(())
    }

    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        self.members.remove(id)?;
        self.list();
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.members.memory_bytes() + self.slots.capacity() * size_of::<NodeId>()
    }
}
