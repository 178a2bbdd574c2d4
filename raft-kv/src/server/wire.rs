//! What `build.rs` made of `proto/`: etcd's messages and services, and those of our own between members.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    rust_2018_idioms
)] // Generated.

/// Users and roles.
pub mod authpb {
    tonic::include_proto!("authpb");
}
/// Keys, values, events.
pub mod mvccpb {
    tonic::include_proto!("mvccpb");
}
/// The services of etcd.
pub mod etcdserverpb {
    tonic::include_proto!("etcdserverpb");
}
/// Locks.
pub mod v3lockpb {
    tonic::include_proto!("v3lockpb");
}
/// Elections.
pub mod v3electionpb {
    tonic::include_proto!("v3electionpb");
}
/// What members say to each other.
pub mod peer {
    tonic::include_proto!("raft_kv.peer");
}

/// All of them described, for reflection.
pub const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");
