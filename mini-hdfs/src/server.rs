//! The shell: gRPC, HTTP, sockets, files, timers. All I/O of the crate is below this module, in `cli` and in `main.rs`.

pub mod clock;
pub mod cluster;
pub mod connector;
pub mod data_transfer;
pub mod datanode;
pub mod dfs_client;
mod http;
pub mod lifetime;
mod metrics;
pub mod namenode;
pub mod process;
pub mod rpc;
pub mod settings;
pub mod xceiver;
