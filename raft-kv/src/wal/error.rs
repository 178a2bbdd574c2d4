//! What can go wrong with a log.

use node::DiskError;
use thiserror::Error;

use crate::wal::{Position, Vote};

/// Why the log, or a snapshot, refused or failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WalError {
    /// The disk failed. After a failed write or sync nobody knows what it holds: the member must end, and be started anew.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Something that was on the disk is no longer what it was. Nobody but the other members has it: remove this member, and add
    /// another one in its place.
    #[error(
        "{file} is damaged at byte {offset}: {reason}; remove this member from the cluster and add a new one with an empty directory"
    )]
    Damaged {
        /// The file.
        file: String,
        /// Where the bad record begins, in bytes.
        offset: u64,
        /// What is wrong, as the end of a sentence.
        reason: String,
    },
    /// A segment, or all before the first one, is not there.
    #[error(
        "{what} is missing, although it was not purged; remove this member from the cluster and add a new one with an empty directory"
    )]
    Missing {
        /// What should be there.
        what: String,
    },
    /// A vote that contradicts the one that was given.
    #[error("the vote {new:?} cannot take the place of {old:?}")]
    VoteTaken {
        /// The one that is there.
        old: Vote,
        /// The one that was to be saved.
        new: Vote,
    },
    /// An entry that does not follow the last one.
    #[error("the entry at {position:?} does not follow the last one, at {last:?}")]
    Gap {
        /// The last entry.
        last: Position,
        /// The one that was to be appended.
        position: Position,
    },
    /// A truncation that would drop what is committed.
    #[error(
        "the log is committed up to {committed:?} and cannot be cut off behind index {after:?}"
    )]
    Committed {
        /// Up to where it is committed.
        committed: Position,
        /// The index that was to become the last one.
        after: Option<u64>,
    },
    /// An entry longer than a record may be.
    #[error(
        "the entry at {position:?} has {len} bytes; at most {} fit into a record",
        crate::wal::record::PAYLOAD_LEN_MAX
    )]
    TooLong {
        /// The entry.
        position: Position,
        /// Its length in bytes.
        len: usize,
    },
}
