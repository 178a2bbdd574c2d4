//! Record batches, format v2 (`DefaultRecordBatch`, `DefaultRecord`): the bytes that Kafka has on the wire and in its files.
//!
//! A producer packs records into a batch, compresses them together, and puts a header before them. From then on these bytes
//! stay as they are: broker and consumers read the header, and look at the records only where they have to.
//!
//! ```text
//! batch  = header (61 bytes, fixed width, big endian), then the records, compressed as one piece
//! record = length, attributes, timestamp delta, offset delta, key, value, headers (variable-length integers)
//! ```
//!
//! Offsets and timestamps of records are differences to the header's, so a broker assigns a thousand offsets by writing one
//! number. [`varint`] and [`framing`] are the inside of a batch, [`batch`] is the header and the view of a whole batch,
//! [`builder`] makes one, [`compression`] has the codecs, and [`summary`] is the quick look that a leader takes.
//!
//! The formats before v2 (message sets, "magic" 0 and 1) have been refused by Kafka since 4.0, and are here.

pub mod batch;
pub mod builder;
pub mod compression;
pub mod framing;
pub mod summary;
pub mod varint;

use self::compression::CompressionError;

/// Why bytes are no record batch, or not a whole one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes end too early. In the last batch of an answer to a fetch, that is no error.
    #[error("the bytes end in the middle of {0}")]
    Truncated(&'static str),
    /// A variable-length integer goes on for more bytes than its type has.
    #[error("a variable-length integer is longer than {0} bytes")]
    VarintTooLong(usize),
    /// A length or count that cannot be.
    #[error("{what} is {value}")]
    BadLength {
        /// Which length.
        what: &'static str,
        /// What it is.
        value: i64,
    },
    /// A record's length says something else than what it consists of.
    #[error("a record says that it has {stated} bytes, but its fields have {actual}")]
    WrongRecordLength {
        /// As its first field says.
        stated: usize,
        /// As its other fields have.
        actual: usize,
    },
    /// A header's key is no UTF-8.
    #[error("the key of a record's header is not UTF-8")]
    HeaderKey,
    /// Not format v2.
    #[error("the batch has format {0}; only 2 is supported")]
    Magic(i8),
    /// The checksum does not match: a bit has changed.
    #[error("the checksum is {stated:#010x} in the header, but {actual:#010x} of the bytes")]
    Crc {
        /// As the header says.
        stated: u32,
        /// As computed.
        actual: u32,
    },
    /// A batch has another number of records than its header says.
    #[error("the header says {stated} records, but there are {actual}")]
    RecordCount {
        /// As the header says.
        stated: i32,
        /// As counted; one more where bytes are left over.
        actual: i32,
    },
    /// The records cannot be decompressed.
    #[error(transparent)]
    Compression(#[from] CompressionError),
}
