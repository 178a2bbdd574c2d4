//! Why a log refused or failed.

use node::{DiskError, DiskErrorKind};

use super::producer_state::ProducerError;
use crate::error::ErrorCode;
use crate::record::RecordError;
use crate::record::compression::CompressionError;

/// Why a log refused or failed. [`LogError::code`] is what the client hears.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// An earlier failure left nobody knowing what the disk holds; the broker has to be restarted.
    #[error(
        "this log is offline since an earlier failure: {0}; restart the broker once the disk is well"
    )]
    Offline(String),
    /// A file is not what a crash can leave.
    #[error(
        "{file} is damaged at byte {position}: {reason}; restore it from a copy, or remove the partition's directory"
    )]
    Damaged {
        /// Which file.
        file: String,
        /// Where, in bytes.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// There is no such offset, or not any more, or not yet.
    #[error("offset {offset} is not between {start} and {end}")]
    OffsetOutOfRange {
        /// As asked for.
        offset: i64,
        /// The log start offset.
        start: i64,
        /// The high watermark.
        end: i64,
    },
    /// The bytes are no record batch.
    #[error(transparent)]
    Batch(#[from] RecordError),
    /// The batch is larger than the topic allows.
    #[error("the batch has {size} bytes; max.message.bytes is {max}")]
    TooLarge {
        /// Bytes of the batch.
        size: usize,
        /// The topic's limit.
        max: i64,
    },
    /// A batch, or a record in it, that Kafka does not take.
    #[error("{0}")]
    Invalid(String),
    /// A record claims to be of another time.
    #[error("a record's timestamp, {timestamp} ms, is too far from the broker's time, {now} ms")]
    Timestamp {
        /// The record's.
        timestamp: i64,
        /// The broker's.
        now: i64,
    },
    /// The batch says that its timestamps are the broker's.
    #[error("a producer may not say that its timestamps are of type LogAppendTime")]
    TimestampType,
    /// A transactional batch, outside of any transaction.
    #[error("producer {0} has no transaction under way; this broker has none")]
    Transactional(i64),
    /// The producer's epoch or sequence does not follow.
    #[error(transparent)]
    Producer(#[from] ProducerError),
}

impl LogError {
    /// What Kafka answers for it.
    pub fn code(&self) -> ErrorCode {
        match self {
            LogError::Disk(_) | LogError::Offline(_) | LogError::Damaged { .. } => {
                ErrorCode::KafkaStorageError
            }
            LogError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            LogError::Batch(RecordError::Compression(
                CompressionError::Unknown(_) | CompressionError::NotBuiltIn(_),
            )) => ErrorCode::UnsupportedCompressionType,
            // Formats of the past are no damage; Kafka says so too, since it stopped taking them.
            LogError::Batch(RecordError::Magic(0 | 1)) | LogError::Invalid(_) => {
                ErrorCode::InvalidRecord
            }
            LogError::Batch(_) => ErrorCode::CorruptMessage,
            LogError::TooLarge { .. } => ErrorCode::MessageTooLarge,
            LogError::Timestamp { .. } | LogError::TimestampType => ErrorCode::InvalidTimestamp,
            LogError::Transactional(_) => ErrorCode::InvalidTxnState,
            LogError::Producer(ProducerError::Fenced { .. }) => ErrorCode::InvalidProducerEpoch,
            LogError::Producer(ProducerError::OutOfOrder { .. }) => {
                ErrorCode::OutOfOrderSequenceNumber
            }
        }
    }

    /// Whether the log cannot go on: a write or a sync failed, and not for want of space. What cannot be read is only not read.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            LogError::Disk(error)
                if error.kind != DiskErrorKind::Full
                    && !matches!(error.operation, "read" | "open" | "list")
        )
    }
}
