//! Kafka in miniature: one broker, its log in Kafka's own format, its consumer groups, and Kafka's protocol.
//!
//! # The problem
//!
//! Many programs produce events, many others want all of them, each at its own pace, and none may slow another down.
//! Kafka (Kreps, Narkhede and Rao, "Kafka: a Distributed Messaging System for Log Processing", NetDB 2011) answers with the
//! plainest of data structures: a **log**, an append-only sequence of records, in which a record is known by its offset. The
//! broker keeps no list of who has read what; a consumer remembers an offset. So reading is a copy of file bytes to a
//! socket, a slow consumer costs nothing, and a record may be read again tomorrow.
//!
//! Records travel in **batches** that the producer makes, and compresses, once: the same bytes go over the wire, into the
//! file and out to consumers. The broker only stamps an offset into each batch's header.
//!
//! # What it promises
//!
//! - A record that was acknowledged has an offset for ever, and no other record ever gets it ([`partition`]).
//! - After a crash the log is a prefix of what was written, with all that was synced ([`log`]).
//! - An idempotent producer's record is there once, however often it was sent ([`log::producer_state`]).
//! - Compaction keeps the last value of each key, and each record's offset ([`log::cleaner`]).
//! - In a generation of a group a partition has one owner ([`group`]).
//!
//! # Reading order
//!
//! 1. [`record`]: the format, from varints up to batches.
//! 2. [`log`]: segments and their indexes, recovery, retention, compaction, producers' sequences.
//! 3. [`partition`]: what a broker adds to a log: the high watermark, and the line between written and durable.
//! 4. [`group`]: who reads what, and how far he has got; [`assignor`], which says who, for the leader of a group.
//! 5. [`fetch`]: what a fetch is about, and how long it waits.
//! 6. `server`: sockets, files and timers around all of that. It decides nothing.
//!
//! # Left out on purpose
//!
//! One broker: no replication, no controller, no failover (they come with raft-kv's consensus). No transactions, quotas,
//! ACLs, TLS or tiered storage; no message formats older than v2. The crate's README says what the real Kafka does instead.

pub mod assignor;
pub mod capstone;
pub mod error;
pub mod fetch;
pub mod group;
pub mod log;
pub mod partition;
pub mod record;
#[cfg(feature = "server")]
pub mod server;
