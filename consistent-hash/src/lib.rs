//! Partitioning: which node is responsible for which key, and what moves when a node comes or goes.
//!
//! # The problem
//!
//! Data that does not fit onto one machine is cut into parts, and everybody who reads or writes a key has to know whose
//! it is: without asking around, and all with the same answer. Then a machine comes, or one dies. Whatever rule there
//! is gives other answers now, and for each key for which it does, data has to move. A good rule is
//!
//! - **even**: no node has much more than its share (by weight);
//! - **steady**: what need not move does not. Of n + 1 nodes the new one should have one key in n + 1; exactly those
//!   should move, and all of them to it;
//! - **cheap**: few nanoseconds, little memory, and no conversation;
//! - good for **replicas**: it names n distinct nodes for a key, of which the second is the heir of the first.
//!
//! No rule is the best at all four. Here are ten, behind one trait, [`Partitioner`], so that they are compared on equal
//! terms.
//!
//! # The strategies
//!
//! n is the number of nodes, v that of virtual nodes, M the size of a table, k the number of probes. "Moves" is what
//! moves beyond what must when a node comes or goes; "any goes" says whether any node may.
//!
//! | strategy | look-up | memory | fullest / mean | moves | weights | zones | any goes | order of joins |
//! | --- | --- | --- | --- | --- | --- | --- | --- | --- |
//! | [`modulo`] | 1 | n | hash | nearly all | yes | | yes | does not matter |
//! | [`range`] | log | split points | the keys decide | nothing | by sample | | yes | matters |
//! | [`list`] | log | all keys | somebody decides | nothing | | | when empty | matters |
//! | [`ring`] | 1, log for a plain search | 18 to 20 bytes × nv | 1 + O(√(log n / v)) | nothing | yes | yes | yes | does not matter |
//! | [`jump`] | ln n | names | hash | nothing | yes | | the last one | matters |
//! | [`rendezvous`] | n | n | hash | nothing | yes | | yes | does not matter |
//! | [`maglev`] | 1 | 4 bytes × M | 1 entry | some | yes | | yes | does not matter |
//! | [`anchor`] | 1 + ln(a / n) | 24 bytes × a | hash | nothing | yes | | yes | matters |
//! | [`multi_probe`] | k | 18 to 20 bytes × n | 1 + 1/(k − 1) | nothing | yes | | yes | does not matter |
//! | [`bounded`] | 1/ε² | all keys | 1 + ε, always | O(1/ε²) for each that must | | | yes | matters |
//!
//! "hash" means as even as throwing keys at random: the fullest of n nodes with m keys has some √(2 ln n · n / m) more
//! than the mean. a is the size of the anchor, at least n. The numbers are tested: `tests/properties` has a file for
//! each column, with the formula and where it comes from.
//!
//! ```
//! use consistent_hash::{MembershipError, Node, Partitioner, Ring};
//!
//! fn main() -> Result<(), MembershipError> {
//!     let mut ring = Ring::new(160, 0); // virtual nodes for each node, seed
//!     ring.add_all(&[Node::new(1), Node::new(2), Node::new(3)])?;
//!     let copies = ring.replicas(b"user:42", 2);
//!     assert_eq!(copies.first().copied(), ring.locate(b"user:42"));
//!
//!     let before = ring.clone();
//!     ring.add(Node::new(4))?;
//!     assert!(before.moves(&ring).iter().all(|one| one.to.0 == 4));
//!     Ok(())
//! }
//! ```
//!
//! # Reading order
//!
//! [`hash`], the one hash of all; the trait [`Partitioner`] and [`members`]; then [`modulo`], to see the problem, and
//! [`range`] and [`list`], which do without a hash; [`ring`] with its parts; then each of the others by itself: jump
//! and rendezvous are the shortest. [`skew`] is about keys that are not alike, which no strategy helps against. [`draw`] makes
//! pictures for the command line. [`capstone`] asks for a router that combines what was learnt.
//!
//! # Left out on purpose
//!
//! - *Agreeing on the members.* All of this is a function of a list that everybody has. Who keeps that list, and what a
//!   client with an old one may do, is consensus or gossip.
//! - *Moving the data.* [`ring::moves`] says what has to move; nobody copies anything here.
//! - *Zones for all.* Only the ring spreads replicas over zones; any ranking could, by the same rule as
//!   [`ring::spread`].
//! - *A tree of failure domains*, as Ceph's CRUSH has.
//!
//! Nothing here does I/O, asks for the time, or draws a random number: the same members and the same seed give the same
//! answers, on every platform.

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
