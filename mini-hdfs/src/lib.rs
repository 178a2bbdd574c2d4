//! HDFS in miniature: a NameNode, DataNodes, a client, and the protocols between them.
//!
//! # The problem
//!
//! Files larger than any disk, on machines that fail every day, written once and read often. HDFS
//! (Shvachko et al., "The Hadoop Distributed File System", MSST 2010) follows GFS (Ghemawat et al.,
//! SOSP 2003): cut each file into large blocks, keep several replicas of each block on different
//! machines and racks, and let **one** machine, the NameNode, hold all metadata in memory. Bytes
//! never pass through it; it only decides. That makes every decision simple and consistent, and makes
//! the rest of the design a set of answers to one question: what if some machine stops, right now?
//!
//! # What it promises
//!
//! - An operation on the namespace that was acknowledged survives a crash of the NameNode: it is in
//!   the edit log, on the disk, before anyone hears of it ([`namenode::edit_log`]).
//! - A file that was closed is on the disks of its DataNodes, and reads back byte for byte while one
//!   replica of each of its blocks is left.
//! - A block that loses a replica gets a new one, the neediest block first
//!   ([`namenode::replication_queue`]); the last good replica is never deleted.
//! - A reader never takes bytes whose checksums do not match, nor a replica that missed part of the
//!   writing ([`block::GenerationStamp`]).
//! - One writer a file. What it has hflushed is on every node of its pipeline, and readable while one of them lives, also
//!   while the pipeline is rebuilt without the others ([`client::pipeline_recovery`]).
//!   Should its writer die, its file is closed for it with all of that ([`namenode::leases`], [`datanode::block_recovery`]).
//!
//! # Reading order
//!
//! 1. [`block`] and [`protocol`]: the nouns, and what the parts say to each other.
//! 2. The namespace and its durability: [`namenode::path`], [`namenode::namespace`],
//!    [`namenode::edit_log`], [`namenode::group_commit`], [`namenode::fsimage`],
//!    [`namenode::storage`].
//! 3. Where replicas go and how they are kept: [`namenode::blocks`], [`namenode::placement`],
//!    [`namenode::block_report`], [`namenode::replication_queue`], [`namenode::excess`],
//!    [`namenode::safe_mode`], [`namenode::decommission`], and [`namenode::block_manager`], which ties them together;
//!    [`balancer`], a client that evens out what they have led to.
//! 4. A replica's life on its DataNode: [`packet`], [`datanode`].
//! 5. The writer and the reader: [`client`].
//! 6. A writer that dies: [`namenode::leases`], [`namenode::block_recoveries`], [`datanode::block_recovery`].
//! 7. `server`: sockets, files and threads around all of that. It decides nothing.
//!
//! # Left out on purpose
//!
//! One NameNode without a standby, no permissions check, no quotas, snapshots, ACLs, encryption,
//! erasure coding or storage types, no retry cache (a `rename` whose answer is lost is not repeated).
//! A closed file is not opened again to append. The crate's README says what the real HDFS does instead.

pub mod atomic_file;
pub mod balancer;
pub mod block;
pub mod client;
pub mod datanode;
pub mod error;
pub mod namenode;
pub mod packet;
pub mod protocol;
#[cfg(feature = "server")]
pub mod server;
pub mod view;
