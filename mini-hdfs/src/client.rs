//! The client's decisions (`DFSOutputStream`, `DataStreamer`, `DFSInputStream`), without its sockets.
//!
//! HDFS puts most of its cleverness against failing DataNodes into the client, because the client alone knows how far
//! its reader or writer has got. The NameNode names DataNodes and is then out of the way of the data; what happens when
//! one of them dies in the middle of a block is decided here:
//!
//! - writing: [`packets`] cuts bytes into packets, [`ack_queue`] remembers which of them every node has, and
//!   [`data_streamer`] carries one block after another through the life of its pipeline: set up, stream, rebuild;
//!   [`pipeline_recovery`] says how a broken one goes on, [`replace_datanode`] whether it gets another node first;
//! - reading: [`block_reader`] checks every chunk and goes on with the next replica when one fails; [`last_block`] says how long a
//!   file is that is being written;
//! - calls to the NameNode: [`retry`] says which may be sent twice.
//!
//! `server::dfs_client` drives these with threads and sockets, the simulator drives the same ones with virtual time.

pub mod ack_queue;
pub mod block_reader;
pub mod data_streamer;
pub mod last_block;
pub mod packets;
pub mod pipeline_recovery;
pub mod replace_datanode;
pub mod retry;
