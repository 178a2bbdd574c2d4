//! An exercise in reverse. Elsewhere you write the code and the tests are given. Here four NameNodes are given, one honest
//! and three with a mistake each, and you write what tells them apart: an *invariant*, something that is true of every
//! correct NameNode at every moment of every run, and sooner or later false of one that has the mistake.
//!
//! **The cluster.** One NameNode (node 0), four DataNodes (1 to 4), two clients (5 and 6), in the simulator of `crates/sim`.
//! It is HDFS with all left out that the hunt does not need: a file is one block, every file should have two replicas, and
//! bytes are only counted. Clients create files, append to them, delete them. The NameNode chooses where a file is
//! written, keeps a log of its namespace, learns from reports who has what, copies what has too few replicas and erases
//! what has too many. DataNodes crash, hang, are cut off, one may lose its disk; the NameNode crashes; messages are late, lost,
//! doubled, overtaken. After 20 seconds all is mended, and four more show what has come of it.
//!
//! **What an honest NameNode does.** A client is answered only once the edit that the answer tells of is on the disk. Each
//! opening of a file for writing raises its generation stamp, and replicas of an older one do not count. Who was
//! ordered to erase a replica is not counted among those that stay. An order is meant for one registration of a DataNode:
//! who registers anew never carries it out. A DataNode that was silent for two seconds counts for nothing until it
//! registers anew and says what it has.
//!
//! **What you see.** After each event, [`invariants::check`] gets a [`view::View`]: what clients were told, what the NameNode
//! believes, what is on every disk, which orders were given. That is more than anybody in the cluster knows, and still it is
//! easy to accuse an innocent: the NameNode cannot know what happened a millisecond ago at the other end of a wire. It may be
//! *behind*; it must not be *wrong about what it could know*.
//!
//! Reading order: [`view`] for what you judge, [`message`] for what the parts say to each other, [`invariants`] for what
//! is to be written. How a DataNode and a client work is in `datanode.rs` and `client.rs`. `cargo run -p bug-hunt --
//! --suspect b --seed 7` tells the story of a run.
//!
//! Left out on purpose: racks, pipelines (a client writes to all its DataNodes itself), checksums, reading, leases, safe mode.

mod client;
mod cluster;
mod datanode;
mod history;
pub mod invariants;
pub mod member;
pub mod message;
pub mod story;
pub mod suspects;
pub mod view;
mod watch;

pub use cluster::{CLIENTS, Check, DATANODES, Hunt};
