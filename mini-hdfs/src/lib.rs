//! HDFS in miniature. (The essay is written when the parts are there.)

pub mod block;
pub mod client;
pub mod datanode;
pub mod error;
pub mod namenode;
pub mod packet;
pub mod protocol;
#[cfg(feature = "server")]
pub mod server;
