//! Partitioning: which node is responsible for which key, and what moves when a node comes or goes.

pub mod capstone;
mod partitioner;
pub mod skew;

pub use partitioner::{MembershipError, Node, NodeId, Partitioner};
