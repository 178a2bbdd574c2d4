//! The ways from a worker to others: to the coordinator, and to other workers' map outputs. In one process both are calls; in a cluster, gRPC.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::protocol::{AttemptId, Registration, Reply, Report};

/// Why the coordinator has not answered.
#[derive(Debug, Error)]
pub enum LinkError {
    /// It wants a registration.
    #[error("the coordinator does not know this worker")]
    Unknown,
    /// It was not reached, or says that it cannot.
    #[error("{0}")]
    Unreachable(String),
}

/// The way to the coordinator.
pub trait Link: Send + Sync {
    /// Registers; the outputs that do not count.
    ///
    /// # Errors
    /// Where there is no answer.
    fn register(&self, registration: Registration) -> Result<Vec<AttemptId>, LinkError>;

    /// Reports; the orders.
    ///
    /// # Errors
    /// Where there is no answer, or the worker has to register first.
    fn heartbeat(&self, report: Report) -> Result<Reply, LinkError>;
}

/// A reduce's part of a map's output, as a file on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which file.
    pub file: PathBuf,
    /// Where it begins in it.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
    /// How many pairs it has.
    pub records: u64,
}

/// Why a segment was not brought here. It makes a difference whose fault that is: a map is not run again because a reduce's disk is full.
#[derive(Debug, Error)]
pub enum FetchError {
    /// It cannot be kept here: the disk is full, or broken.
    #[error("{}: {error}", file.display())]
    Here {
        /// What was written.
        file: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// It cannot be had from there, or not now; or what comes from there is damaged.
    #[error("{0}")]
    There(io::Error),
}

/// The way to map outputs.
pub trait Segments: Send + Sync {
    /// Brings a partition of a map's output to this machine. Where it has to be copied, into `dir`.
    ///
    /// # Errors
    /// Where that cannot be done, or not now.
    fn fetch(
        &self,
        map: AttemptId,
        address: &str,
        partition: u32,
        dir: &Path,
    ) -> Result<Segment, FetchError>;
}
