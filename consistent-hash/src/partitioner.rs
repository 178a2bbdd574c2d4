//! What every strategy has in common, so that they are compared on equal terms.

use std::fmt;

use thiserror::Error;

/// A node of the cluster, by the number that its operator gave it. It keeps the number for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// A node, as it joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its number.
    pub id: NodeId,
    /// How many times the keys of a node of weight 1 it should hold. At least 1.
    pub weight: u32,
    /// What fails together with it: a rack, an availability zone.
    pub zone: Option<u32>,
}

impl Node {
    /// A node of weight 1, in no zone.
    pub fn new(id: u32) -> Node {
        Node {
            id: NodeId(id),
            weight: 1,
            zone: None,
        }
    }
}

/// Why a membership could not be changed. The membership is as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MembershipError {
    /// A node of this number is a member already.
    #[error("{0} is a member already")]
    AlreadyMember(NodeId),
    /// No node of this number is a member.
    #[error("{0} is no member")]
    NotMember(NodeId),
    /// The strategy cannot do this.
    #[error("{0}")]
    Unsupported(String),
}

/// A strategy: it tells for every key which node is responsible.
pub trait Partitioner {
    /// Its name, as the command line knows it.
    fn name(&self) -> &'static str;

    /// The members, by number.
    fn nodes(&self) -> Vec<Node>;

    /// The node that is responsible for `key`; none where there is no node.
    fn locate(&self, key: &[u8]) -> Option<NodeId>;

    /// The `n` nodes that hold a copy of `key`, [`Partitioner::locate`]'s first; fewer where there are fewer nodes. No
    /// node is named twice.
    fn replicas(&self, key: &[u8], n: usize) -> Vec<NodeId>;

    /// A node joins.
    ///
    /// # Errors
    /// When it is a member, or the strategy cannot take it.
    fn add(&mut self, node: Node) -> Result<(), MembershipError> {
        self.add_all(&[node])
    }

    /// Nodes join, in this order; tables are made once for all of them.
    ///
    /// # Errors
    /// When one of them is a member, or the strategy cannot take it. Then none has joined.
    fn add_all(&mut self, nodes: &[Node]) -> Result<(), MembershipError>;

    /// A node leaves.
    ///
    /// # Errors
    /// When it is no member, or the strategy cannot do without it.
    fn remove(&mut self, id: NodeId) -> Result<(), MembershipError>;

    /// The heap bytes that its tables take.
    fn memory_bytes(&self) -> usize;
}
