//! etcd in miniature: a store with revisions, watches and leases, the same on every member of a cluster, in spite of what fails.
//!
//! # The problem
//!
//! Some few facts of a cluster must be true for all: who leads, who holds a lock, which shards stand where. One server that keeps
//! them is one server to lose; several must agree, although messages get lost and machines stop and come back. **Raft** (Ongaro and
//! Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014) has them agree on a *log*: a leader, elected by a
//! majority for a term, appends commands; what a majority has on its disks is committed, and stays; every member applies
//! the same commands in the same order, and so has the same state. etcd is such a state machine: a map with a history.
//!
//! # Reading order
//!
//! 1. [`state_machine`]: what it means to agree on a state.
//! 2. [`wal`]: what a member must not forget: its vote, its log, how far that is committed; and snapshots, which take the place of
//!    the log's beginning.
//! 3. `consensus`: how members agree, as a trait, and the library `openraft` behind it.
//! 4. [`store`]: the state: versions of keys, transactions, compaction, and which leases there are.
//! 5. [`lease`], [`watch`]: when leases are over, and who hears of what.
//! 6. [`read_index`], [`lock`], [`linearizability`]: when a leader may answer a read, whose turn it is, and whether all of it keeps its
//!    promise; three small models, for exercises.
//! 7. `server`: the shell, which a student never opens: etcd's gRPC, where a request becomes a proposal or waits for a read index, and is
//!    answered when this member has applied it; `client`: what the other side of a connection must know: whom to ask, and when asking
//!    again is safe.

pub mod capstone;
#[cfg(feature = "server")]
pub mod client;
#[cfg(feature = "server")]
pub mod consensus;
pub mod lease;
pub mod linearizability;
pub mod lock;
pub mod read_index;
#[cfg(feature = "server")]
pub mod server;
pub mod state_machine;
pub mod store;
pub mod wal;
pub mod watch;
