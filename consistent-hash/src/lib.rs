//! Partitioning: which node is responsible for which key, and what moves when a node comes or goes.

pub mod anchor;
pub mod bounded;
pub mod capstone;
pub mod draw;
pub mod hash;
pub mod jump;
pub mod list;
pub mod maglev;
pub mod members;
pub mod modulo;
pub mod multi_probe;
mod partitioner;
pub mod range;
pub mod rendezvous;
pub mod ring;
pub mod skew;

pub use anchor::Anchor;
pub use bounded::Bounded;
pub use jump::Jump;
pub use list::Lists;
pub use maglev::Maglev;
pub use modulo::Modulo;
pub use multi_probe::MultiProbe;
pub use partitioner::{MembershipError, Node, NodeId, Partitioner};
pub use range::Ranges;
pub use rendezvous::Rendezvous;
pub use ring::Ring;
