//! The DataNode: keeps replicas of blocks on its disk, and does what the NameNode says.
//!
//! A DataNode knows nothing of files. It has replicas, each of a block in one generation, and three duties:
//!
//! - **Keep them.** What was acknowledged as synced is there after a crash, in the generation in which it was
//!   written, and damage is noticed: [`block_file`] holds bytes and checksums, [`storage`] the directories, [`ReplicaWriter`]
//!   the order of writes and renames, [`ReplicaMap`] what may be done with which replica.
//! - **Pass them on.** Bytes stream through it to the next node of a pipeline, and acknowledgements come back:
//!   [`packet_responder`] says which may go up, [`rebuild`] and
//!   [`pipeline_transfer`] what becomes of a replica whose pipeline broke.
//! - **Tell the NameNode.** [`actor`] says when to register, to send a heartbeat or a report. The NameNode never calls; what it wants
//!   done is in the answers to heartbeats.
//!
//! Sockets and threads are in `server::xceiver` and `server::datanode`; the simulator drives the same cores.

pub mod actor;
pub mod block_file;
pub mod packet_responder;
pub mod pipeline_transfer;
pub mod rebuild;
pub mod replica_map;
pub mod replica_writer;
pub mod storage;
mod synced_chunk;
pub mod throttler;

pub use actor::BpServiceActor;
pub use block_file::BlockFile;
pub use packet_responder::PacketResponder;
pub use replica_map::{Replica, ReplicaMap};
pub use replica_writer::ReplicaWriter;
