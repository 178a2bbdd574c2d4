//! What a client is told when something failed.

use std::io::{self, ErrorKind};

use crate::block::Block;
use crate::client::block_reader::ReadError;
use crate::client::data_streamer::WriteError;
use crate::error::FsError;
use crate::server::rpc::RpcError;

/// Why an operation on the file system failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum DfsError {
    /// The NameNode refused, or could not be asked.
    #[error(transparent)]
    Call(#[from] RpcError),
    /// A block could not be written. The file stays open and cannot be written any further: delete it.
    #[error("cannot write {path}: {error}")]
    Write {
        /// The file.
        path: String,
        /// Why not.
        error: WriteError,
    },
    /// A block could not be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        error: ReadError,
    },
    /// The file's blocks are not what they were when it was opened: it was replaced or deleted meanwhile.
    #[error(
        "cannot read {path} at byte {offset}: it has changed since it was opened; open it again"
    )]
    Changed {
        /// The file.
        path: String,
        /// Where no block was found.
        offset: u64,
    },
    /// The file is still being written, so what was asked for is not known yet.
    #[error("{path} is still being written; wait until it is closed")]
    BeingWritten {
        /// The file.
        path: String,
    },
    /// Everything is written, but the NameNode has not heard of enough replicas of the last block.
    #[error(
        "cannot close {path}: the NameNode has not heard of enough replicas of {last}; see whether its DataNodes run"
    )]
    NotComplete {
        /// The file.
        path: String,
        /// Its last block.
        last: Block,
    },
    /// The stream was used after it had failed or was closed.
    #[error("{path} is closed")]
    Closed {
        /// The file.
        path: String,
    },
    /// Something on this machine failed.
    #[error("{0}")]
    Local(String),
}

impl DfsError {
    pub(super) fn local(what: &str, error: &io::Error) -> DfsError {
        DfsError::Local(format!("{what}: {error}"))
    }

    /// What the NameNode said, if it refused.
    pub fn refusal(&self) -> Option<&FsError> {
        match self {
            DfsError::Call(RpcError::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }
}

impl From<DfsError> for io::Error {
    fn from(error: DfsError) -> io::Error {
        let kind = match (&error, error.refusal()) {
            (_, Some(FsError::FileNotFound(_))) => ErrorKind::NotFound,
            (_, Some(FsError::FileAlreadyExists(_))) => ErrorKind::AlreadyExists,
            (_, Some(FsError::PathIsDirectory(_))) => ErrorKind::IsADirectory,
            (_, Some(FsError::ParentNotDirectory(_))) => ErrorKind::NotADirectory,
            (_, Some(FsError::PathIsNotEmptyDirectory(_))) => ErrorKind::DirectoryNotEmpty,
            (_, Some(FsError::InvalidPath { .. } | FsError::InvalidArgument(_))) => {
                ErrorKind::InvalidInput
            }
            (DfsError::Closed { .. }, _) => ErrorKind::BrokenPipe,
            _ => ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}
