//! List partitioning: for each key it is written down where it belongs (`PARTITION BY LIST` in SQL, tenants on shards
//! of their own).
//!
//! It is for keys that are few and mean something: countries, tenants, classes of customers. Somebody decides, for
//! reasons that no hash knows: data of the EU stays in the EU, the largest tenant has a machine to itself. What is not
//! listed goes to a default node, or nowhere.
//!
//! - Costs: an entry for each key; a look-up is a search of them.
//! - Moves: what somebody decides, key by key.
//! - Cannot: do anything by itself. A node with keys cannot be removed until they are assigned to others.

use std::collections::BTreeMap;

use crate::members::{Members, distinct};
use crate::partitioner::{MembershipError, Node, NodeId, Partitioner};

/// List partitioning.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    members: Members,
    listed: BTreeMap<Vec<u8>, NodeId>,
    default: Option<NodeId>,
}

impl Lists {
    /// Without nodes, with nothing listed and no default.
    pub fn new() -> Lists {
        Lists::default()
    }

    /// From now on, a key belongs to a member. Returns whose it was by the list before.
    ///
    /// # Errors
    /// When the node is no member.
    pub fn assign(&mut self, key: &[u8], node: NodeId) -> Result<Option<NodeId>, MembershipError> {
        self.check(node)?;
        Ok(self.listed.insert(key.to_vec(), node))
    }

    /// A key is listed no longer. Returns whose it was by the list.
    pub fn forget(&mut self, key: &[u8]) -> Option<NodeId> {
        self.listed.remove(key)
    }

    /// Who gets what is not listed; nobody, if it is none.
    ///
    /// # Errors
    /// When the node is no member.
    pub fn set_default(&mut self, node: Option<NodeId>) -> Result<(), MembershipError> {
        node.map_or(Ok(()), |node| self.check(node))?;
        self.default = node;
        Ok(())
    }

    fn check(&self, node: NodeId) -> Result<(), MembershipError> {
        (self.members.get(node))
            .map(|_| ())
            .ok_or(MembershipError::NotMember(node))
    }
}

impl Partitioner for Lists {
    fn name(&self) -> &'static str {
        "list"
    }

    fn nodes(&self) -> Vec<Node> {
        self.members.nodes().to_vec()
    }

    fn locate(&self, key: &[u8]) -> Option<NodeId> {
        self.listed.get(key).copied().or(self.default)
    }

    /// The key's node, and those that follow by number; none where the key has no node.
    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId> {
        let Some(first) = self.locate(key) else {
            return Vec::new();
        };
        let nodes = self.members.nodes();
        let (before, from) = nodes.split_at(nodes.partition_point(|node| node.id < first));
        let walk = from.iter().chain(before).map(|node| node.id);
        distinct(walk, nodes.len(), n)
    }

    /// They have no keys until some are assigned to them.
    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError> {
        self.members.add_all(nodes, 0)
    }

    /// # Errors
    /// Also while keys are assigned to it, or it is the default.
    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError> {
        let own = self.listed.iter().find(|(_, node)| **node == id);
        if let Some((key, _)) = own {
            return Err(MembershipError::Unsupported(format!(
                "keys are assigned to {id}, {} among them: assign them to other nodes first",
                key.escape_ascii()
            )));
        }
        if self.default == Some(id) {
            return Err(MembershipError::Unsupported(format!(
                "{id} has all keys that are not listed: set another default first"
            )));
        }
        self.members.remove(id).map(|_| ())
    }

    /// Of the map, what its entries take.
    fn memory_bytes(&self) -> usize {
        let keys: usize = self.listed.keys().map(Vec::capacity).sum();
        self.members.memory_bytes() + self.listed.len() * size_of::<(Vec<u8>, NodeId)>() + keys
    }
}
