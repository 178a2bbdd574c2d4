//! What the NameNode answers when it refuses.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why the NameNode refused a call. Each variant bears the name of HDFS's exception, less `Exception`.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum FsError {
    /// The path breaks a rule for names.
    #[error("invalid path {path:?}: {reason}")]
    InvalidPath {
        /// As the caller gave it.
        path: String,
        /// Which rule, as the end of a sentence.
        reason: String,
    },
    /// There is no such file or directory.
    #[error("{0}: no such file or directory")]
    FileNotFound(String),
    /// Something with this name is there already.
    #[error("{0}: file exists")]
    FileAlreadyExists(String),
    /// A part of the path that should be a directory is a file.
    #[error("{0}: is not a directory")]
    ParentNotDirectory(String),
    /// A directory where a file is needed.
    #[error("{0}: is a directory")]
    PathIsDirectory(String),
    /// A directory that still has children, and no `recursive`.
    #[error("{0}: directory is not empty")]
    PathIsNotEmptyDirectory(String),
    /// A rename that would put a directory inside itself, or move the root.
    #[error("cannot rename {from} to {to}: {reason}")]
    InvalidRename {
        /// The source.
        from: String,
        /// The destination.
        to: String,
        /// Why not, as the end of a sentence.
        reason: String,
    },
    /// Another client is writing this file.
    #[error("{path}: is being written by {holder}")]
    AlreadyBeingCreated {
        /// The file.
        path: String,
        /// The client that holds its lease.
        holder: String,
    },
    /// This client does not (or no longer) hold the file's lease.
    #[error("{path}: {client} holds no lease on it: {reason}")]
    LeaseExpired {
        /// The file.
        path: String,
        /// The client that called.
        client: String,
        /// What is the case instead.
        reason: String,
    },
    /// Writes wait until enough blocks have been reported.
    #[error("cannot {operation}: the NameNode is in safe mode. {status}")]
    SafeMode {
        /// What was refused, as a verb with its object.
        operation: String,
        /// Why it is on, and what turns it off.
        status: String,
    },
    /// The block before this one has not reached its minimum replication. Try again shortly.
    #[error("{0}: not replicated yet, try again")]
    NotReplicatedYet(String),
    /// No DataNode can take a replica.
    #[error("cannot place a block of {path}: {reason}")]
    NoDatanodes {
        /// The file.
        path: String,
        /// How many there are, and why they will not do.
        reason: String,
    },
    /// An argument is out of its range.
    #[error("invalid argument: {0}")]
    InvalidArgument(String),
    /// The caller speaks of a block in a version that is not the current one.
    #[error("{block} is not the current version of that block: {reason}")]
    StaleBlock {
        /// The block as the caller named it.
        block: String,
        /// What is the case instead.
        reason: String,
    },
    /// A DataNode whose replicas belong to another file system.
    #[error(
        "DataNode {datanode} holds replicas of file system {theirs}, and this is {ours}: it is refused, since all that it \
         has would be deleted"
    )]
    InconsistentNamespace {
        /// Which DataNode.
        datanode: String,
        /// This file system's `namespaceID`.
        ours: u64,
        /// The DataNode's.
        theirs: u64,
    },
    /// The file's writer is gone, and what he wrote is being brought to one length so that the file can be closed.
    #[error(
        "{path}: its writer is gone and it is being closed; try again later (its lease was held by {holder})"
    )]
    RecoveryInProgress {
        /// The file.
        path: String,
        /// Who holds its lease now.
        holder: String,
    },
    /// A DataNode sends a full block report and may not, or not any more.
    #[error(
        "DataNode {datanode} may not send a full block report: {reason}; it must ask for a lease"
    )]
    InvalidBlockReportLease {
        /// Which DataNode.
        datanode: String,
        /// Why not.
        reason: String,
    },
    /// A DataNode called without having registered since the NameNode started or declared it dead.
    #[error("DataNode {0} is not registered; it must register and report its blocks")]
    UnregisteredNode(String),
    /// A DataNode that its operator does not admit.
    #[error(
        "DataNode {0} may not register: the NameNode's list of hosts (dfs.hosts) does not name it. Add it there, run \
         dfsadmin -refreshNodes, and start it again"
    )]
    DisallowedDatanode(String),
}
