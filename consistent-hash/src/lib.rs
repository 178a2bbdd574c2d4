//! Partitioning: which node is responsible for which key, and what moves when a node comes or goes.

pub mod capstone;
pub mod hash;
pub mod jump;
pub mod maglev;
pub mod members;
pub mod modulo;
mod partitioner;
pub mod rendezvous;
pub mod ring;
pub mod skew;

pub use jump::Jump;
pub use maglev::Maglev;
pub use modulo::Modulo;
pub use partitioner::{MembershipError, Node, NodeId, Partitioner};
pub use rendezvous::Rendezvous;
pub use ring::Ring;
