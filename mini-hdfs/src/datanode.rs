//! The DataNode: keeps replicas of blocks on its disk, and does what the NameNode says.
//!
//! A DataNode knows nothing of files. It has replicas, each of a block in one generation, and three duties:
//!
//! - **Keep them.** What was acknowledged as synced is there after a crash, in the generation in which it was
//!   written, and damage is noticed: [`block_file`] holds bytes and checksums, [`storage`] the directories, [`ReplicaWriter`]
//!   the order of writes and renames, [`ReplicaMap`] what may be done with which replica.
//!   Its disks are [`volumes`]: which one a new replica goes to ([`volume_choice`]), and what is left when one of them fails. Whatever
//!   nobody reads is read by the [`scanner`], and what the disks hold is compared with the map by the [`directory_scanner`].
//! - **Pass them on.** Bytes stream through it to the next node of a pipeline, and acknowledgements come back:
//!   [`packet_responder`] says which may go up, [`rebuild`] and [`pipeline_transfer`] what becomes of a replica whose pipeline
//!   broke. Where the writer dies, [`block_recovery`] ends his block for him. Who below is slow, and which disk here, is noticed by
//!   [`peer_stats`], [`disk_stats`] and [`outliers`].
//! - **Tell the NameNode.** [`actor`] says when to register, to send a heartbeat or a report. The NameNode never calls; what it wants
//!   done is in the answers to heartbeats.
//!
//! Sockets and threads are in `server::xceiver` and `server::datanode`; the simulator drives the same cores.

pub mod actor;
pub mod block_file;
pub mod block_recovery;
pub mod directory_scanner;
pub mod disk_stats;
pub mod outliers;
pub mod packet_responder;
pub mod peer_stats;
pub mod pipeline_transfer;
pub mod rebuild;
pub mod replica_map;
pub mod replica_writer;
pub mod rolling_averages;
pub mod scanner;
pub mod storage;
mod synced_chunk;
pub mod throttler;
pub mod volume_choice;
pub mod volumes;

pub use actor::BpServiceActor;
pub use block_file::BlockFile;
pub use block_recovery::BlockRecovery;
pub use packet_responder::PacketResponder;
pub use replica_map::{Replica, ReplicaMap};
pub use replica_writer::ReplicaWriter;
