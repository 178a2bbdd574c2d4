//! What can go wrong, as clients hear it: etcd's texts, and its gRPC codes (`api/v3rpc/rpctypes/error.go`). Clients compare the text.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An error of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum StoreError {
    /// A request without a key.
    #[error("etcdserver: key is not provided")]
    EmptyKey,
    /// A put that keeps the value or the lease of a key that is not there; an empty operation of a transaction.
    #[error("etcdserver: key not found")]
    KeyNotFound,
    /// A put with `ignore_value` and a value.
    #[error("etcdserver: value is provided")]
    ValueProvided,
    /// A put with `ignore_lease` and a lease.
    #[error("etcdserver: lease is provided")]
    LeaseProvided,
    /// More operations than `--max-txn-ops`.
    #[error("etcdserver: too many operations in txn request")]
    TooManyOps,
    /// A transaction that would write a key twice.
    #[error("etcdserver: duplicate key given in txn request")]
    DuplicateKey,
    /// A sort order or target that there is not.
    #[error("etcdserver: invalid sort option")]
    InvalidSortOption,
    /// A revision before the last compaction.
    #[error("etcdserver: mvcc: required revision has been compacted")]
    Compacted,
    /// A revision that is not there yet.
    #[error("etcdserver: mvcc: required revision is a future revision")]
    FutureRevision,
    /// The quota is used up: compact, defragment, then disarm the alarm.
    #[error("etcdserver: mvcc: database space exceeded")]
    NoSpace,
    /// No such lease: revoked, expired, or never granted.
    #[error("etcdserver: requested lease not found")]
    LeaseNotFound,
    /// A lease id that is in use.
    #[error("etcdserver: lease already exists")]
    LeaseExists,
    /// A TTL above [`crate::lease::TTL_SECONDS_MAX`].
    #[error("etcdserver: too large lease TTL")]
    LeaseTtlTooLarge,
    /// An alarm of corruption is on.
    #[error("etcdserver: corrupt cluster")]
    Corrupt,
    /// A command with an index that was applied before; it changed nothing. The log never repeats itself to a store that tells how far it is.
    #[error("etcdserver: the command was applied before")]
    AppliedBefore,
}

impl StoreError {
    /// The gRPC status code that etcd answers with, as its number on the wire.
    pub const fn grpc_code(self) -> i32 {
        match self {
            StoreError::EmptyKey
            | StoreError::KeyNotFound
            | StoreError::ValueProvided
            | StoreError::LeaseProvided
            | StoreError::TooManyOps
            | StoreError::DuplicateKey
            | StoreError::InvalidSortOption => 3, // INVALID_ARGUMENT
            StoreError::LeaseNotFound => 5, // NOT_FOUND
            StoreError::NoSpace => 8,       // RESOURCE_EXHAUSTED
            StoreError::LeaseExists => 9,   // FAILED_PRECONDITION
            StoreError::Compacted | StoreError::FutureRevision | StoreError::LeaseTtlTooLarge => 11, // OUT_OF_RANGE
            StoreError::AppliedBefore => 13, // INTERNAL
            StoreError::Corrupt => 15,       // DATA_LOSS
        }
    }
}
