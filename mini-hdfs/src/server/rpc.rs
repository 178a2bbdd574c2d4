//! The NameNode's calls on the wire: the generated code, the conversions between it and the plain types of
//! [`crate::protocol`], and a client with the same methods as [`crate::namenode::NameNode`].

mod address;
mod client;
mod convert;
mod error;

pub use client::{FsckFiles, NameNodeClient};
pub(crate) use convert::{all, narrowed, needed, try_all};
pub use error::RpcError;
pub(crate) use error::to_status;

/// What `build.rs` made of `proto/namenode.proto`.
pub(crate) mod wire {
    #![allow(unreachable_pub, clippy::all, rust_2018_idioms)] // Generated.
    tonic::include_proto!("mini_hdfs.namenode");
}

/// Replicas or blocks in one message of a stream: well below gRPC's 4 MiB, whatever is in them. Few in unit
/// tests, so that few blocks come in parts.
pub(crate) const ITEMS_PER_MESSAGE: usize = if cfg!(test) { 8 } else { 2_000 };

/// The longest message that is accepted: a page of a listing, with the longest of paths.
pub(crate) const MESSAGE_MAX: usize = 64 << 20;
