//! Who is a member: what every strategy knows of its nodes besides its own tables.

use std::collections::BTreeMap;

use crate::partitioner::{MembershipError, Node, NodeId};

/// How many entries a table may have: 16 million. A weight that would make it longer is refused rather than allocated.
pub const ENTRIES_MAX: u64 = 1 << 24;

/// The members, by number.
#[derive(Clone, Debug, Default)]
pub struct Members {
    nodes: Vec<Node>,
    /// How many are in each zone.
    zones: BTreeMap<u32, usize>,
    /// How many are in none.
    alone: usize,
    weight: u64,
}

impl Members {
    /// The members, by number.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// In how many zones they are; a node in no zone counts as a zone of its own.
    pub fn zones(&self) -> usize {
        self.zones.len() + self.alone
    }

    /// The sum of their weights.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// The member of this number.
    pub fn get(&self, id: NodeId) -> Option<&Node> {
        self.position(id).ok().map(|at| &self.nodes[at])
    }

    /// The zone of a node; none where it is in none, or no member.
    pub fn zone(&self, id: NodeId) -> Option<u32> {
        self.get(id).and_then(|node| node.zone)
    }

    /// Nodes join a table that has `entries` for each unit of weight.
    ///
    /// # Errors
    /// When one of them is a member, has the weight 0, or would make the table longer than [`ENTRIES_MAX`]. Then none
    /// joins.
    pub fn add_all(&mut self, nodes: &[Node], entries: u32) -> Result<(), MembershipError> {
        let mut weight = self.weight;
        for node in nodes {
            if node.weight == 0 {
                return Err(MembershipError::Unsupported(format!(
                    "{} has the weight 0, so no key would ever be its own: give it a weight of at least 1, or leave it out",
                    node.id
                )));
            }
            weight = weight.saturating_add(u64::from(node.weight));
            if weight.saturating_mul(u64::from(entries)) > ENTRIES_MAX {
                return Err(MembershipError::Unsupported(format!(
                    "with {} of weight {} the table would have more than {ENTRIES_MAX} entries: only the ratio of weights counts, so \
                     divide all of them, or take fewer virtual nodes",
                    node.id, node.weight
                )));
            }
        }
        let mut new = nodes.to_vec();
        new.sort_by_key(|node| node.id);
        // What stands before all new ones is not touched. Often that is everything, since nodes are numbered as they come.
        let known = self.nodes.len();
        let from = match (new.first(), self.nodes.last()) {
            (Some(first), Some(last)) if first.id <= last.id => {
                self.nodes.partition_point(|node| node.id < first.id)
            }
            _ => known,
        };
        let is_known = |id| {
            self.nodes[from..]
                .binary_search_by_key(&id, |node| node.id)
                .is_ok()
        };
        let twice =
            |(at, node): &(usize, &Node)| is_known(node.id) || *at > 0 && new[at - 1].id == node.id;
        if let Some((_, node)) = new.iter().enumerate().find(twice) {
            return Err(MembershipError::AlreadyMember(node.id));
        }
        for node in &new {
            match node.zone {
                Some(zone) => *self.zones.entry(zone).or_default() += 1,
                None => self.alone += 1,
            }
        }
        self.nodes.append(&mut new);
        if from < known {
            // Two sorted lists, one behind the other: the sort finds them, and merges.
            self.nodes[from..].sort_by_key(|node| node.id);
        }
        self.weight = weight;
        Ok(())
    }

    /// A node leaves.
    ///
    /// # Errors
    /// When it is no member.
    pub fn remove(&mut self, id: NodeId) -> Result<Node, MembershipError> {
        let at = (self.position(id)).map_err(|_| MembershipError::NotMember(id))?;
        let node = self.nodes.remove(at);
        self.weight -= u64::from(node.weight);
        match node.zone {
            Some(zone) => {
                let count = self.zones.entry(zone).or_default();
                *count -= 1;
                if *count == 0 {
                    self.zones.remove(&zone);
                }
            }
            None => self.alone -= 1,
        }
        Ok(node)
    }

    /// The heap bytes that the list takes.
    pub fn memory_bytes(&self) -> usize {
        let zones = self.zones.len() * size_of::<(u32, usize)>();
        self.nodes.capacity() * size_of::<Node>() + zones
    }

    fn position(&self, id: NodeId) -> Result<usize, usize> {
        self.nodes.binary_search_by_key(&id, |node| node.id)
    }
}

/// The first `n` distinct nodes of a walk, or all `members` if they are fewer.
///
/// For strategies whose table is itself a random order of nodes: one walks on from the key's entry.
pub(crate) fn distinct(
    walk: impl Iterator<Item = NodeId>,
    members: usize,
    n: usize,
) -> Vec<NodeId> {
    let wanted = n.min(members);
    let mut found = Vec::with_capacity(wanted);
    for node in walk {
        if found.len() == wanted {
            break;
        }
        if !found.contains(&node) {
            found.push(node);
        }
    }
    found
}

/// The first `n` distinct nodes that `draw` names for 0, 1, 2, …; once it has repeated itself for long, the members
/// that it did not name follow by number.
///
/// For strategies that have no order of nodes: they are asked again with another hash. As each draw by itself moves
/// only to a node that joins, so do the replicas.
pub(crate) fn redrawn(
    members: &Members,
    n: usize,
    draw: impl Fn(u64) -> Option<NodeId>,
) -> Vec<NodeId> {
    // All of n nodes have been drawn after n ln n draws on average (the coupon collector); most callers want three.
    const DRAWS_EACH: u64 = 16;
    let draws = (members.len() as u64).saturating_mul(DRAWS_EACH);
    let rest = members.nodes().iter().map(|node| node.id);
    distinct((0..draws).filter_map(draw).chain(rest), members.len(), n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_counted_and_a_node_in_none_is_one_by_itself() {
        let mut members = Members::default();
        for (id, zone) in [
            (3, Some(1)),
            (1, Some(1)),
            (2, Some(7)),
            (9, None),
            (8, None),
        ] {
            let node = Node {
                zone,
                ..Node::new(id)
            };
            members.add_all(&[node], 1).unwrap();
        }
        assert_eq!(members.zones(), 4);
        members.remove(NodeId(2)).unwrap();
        assert_eq!(
            (members.zones(), members.len(), members.weight()),
            (3, 4, 4)
        );
        let ids: Vec<u32> = members.nodes().iter().map(|node| node.id.0).collect();
        assert_eq!(ids, [1, 3, 8, 9], "they stand by number");
    }
}
