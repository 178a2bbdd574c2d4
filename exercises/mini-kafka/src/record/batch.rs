//! A batch's header, and a whole batch as a view of bytes (`DefaultRecordBatch`).
//!
//! ```text
//!  0 base offset: i64            of the first record; stamped by the broker
//!  8 batch length: i32           bytes of all that follows
//! 12 partition leader epoch: i32 stamped by the broker
//! 16 magic: i8                   2
//! 17 crc: u32                    CRC32C of all that follows
//! 21 attributes: i16             bits 0–2 compression, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon
//! 23 last offset delta: i32      the last record's offset − base offset; compaction leaves it as it is
//! 27 base timestamp: i64         milliseconds since the epoch; with bit 6 the delete horizon
//! 35 max timestamp: i64
//! 43 producer id: i64            −1: not idempotent
//! 51 producer epoch: i16
//! 53 base sequence: i32          of the first record; −1: not idempotent
//! 57 record count: i32
//! 61 records
//! ```
//!
//! What a broker stamps stands before the checksum and is not covered by it, so it assigns offsets without reading the rest
//! again.

use std::borrow::Cow;

use super::RecordError;
use super::compression::{Compression, CompressionError, decompress};
use super::framing::Record;
use super::summary::{Summary, summarize};

/// Bytes of a batch before its records.
pub const HEADER_BYTES: usize = 61;
/// Base offset and batch length, which the batch length does not count.
pub const LOG_OVERHEAD: usize = 12;
/// The format of this module.
pub const MAGIC: i8 = 2;
/// The id of a producer that is not idempotent.
pub const NO_PRODUCER_ID: i64 = -1;
/// The sequence of a batch of such a producer.
pub const NO_SEQUENCE: i32 = -1;
/// The timestamp of a record that has none.
pub const NO_TIMESTAMP: i64 = -1;

/// Where the batch length stands.
pub const LENGTH_AT: usize = 8;
/// Where the leader epoch stands.
pub const EPOCH_AT: usize = 12;
/// Where the checksum stands.
pub const CRC_AT: usize = 17;
/// Where the attributes stand: all from here on is covered by the checksum.
pub const ATTRIBUTES_AT: usize = 21;
/// Where the highest timestamp stands.
pub const MAX_TIMESTAMP_AT: usize = 35;

const COMPRESSION_MASK: i16 = 0b111;
const TIMESTAMP_TYPE: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
const DELETE_HORIZON: i16 = 1 << 6;

/// The header of a batch, its fields in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The offset of the first record that the batch was made with.
    pub base_offset: i64,
    /// Bytes after this field. See [`BatchHeader::size`].
    pub batch_length: i32,
    /// The leader epoch in which it was appended.
    pub partition_leader_epoch: i32,
    /// CRC32C of all that follows.
    pub crc: u32,
    /// Bits; see [`BatchHeader::compression`] and its neighbours.
    pub attributes: i16,
    /// The last offset less the base offset.
    pub last_offset_delta: i32,
    /// Milliseconds since the epoch, to which records' timestamps are relative.
    pub base_timestamp: i64,
    /// The highest timestamp of a record.
    pub max_timestamp: i64,
    /// Who produced it; [`NO_PRODUCER_ID`] for whom is not idempotent.
    pub producer_id: i64,
    /// Which life of that producer.
    pub producer_epoch: i16,
    /// The sequence of the first record; [`NO_SEQUENCE`] for none.
    pub base_sequence: i32,
    /// How many records there are.
    pub record_count: i32,
}

/// Takes a big-endian number off the front of bytes that are known to be long enough.
macro_rules! take {
    ($bytes:ident, $type:ty) => {{
        let (head, rest) = $bytes
            .split_first_chunk()
            .ok_or(RecordError::Truncated("a batch's header"))?;
        $bytes = rest;
        <$type>::from_be_bytes(*head)
    }};
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`.
    ///
    /// # Errors
    /// [`RecordError::Truncated`], [`RecordError::Magic`], [`RecordError::BadLength`] of a batch shorter than its header or with
    /// a negative number of records.
    #[expect(
        unused_assignments,
        reason = "what is behind the last field is the records"
    )]
    pub fn read(mut bytes: &[u8]) -> Result<BatchHeader, RecordError> {
        let base_offset = take!(bytes, i64);
        let batch_length = take!(bytes, i32);
        let partition_leader_epoch = take!(bytes, i32);
        let magic = take!(bytes, i8);
        if magic != MAGIC {
            return Err(RecordError::Magic(magic));
        }
        let header = BatchHeader {
            base_offset,
            batch_length,
            partition_leader_epoch,
            crc: take!(bytes, u32),
            attributes: take!(bytes, i16),
            last_offset_delta: take!(bytes, i32),
            base_timestamp: take!(bytes, i64),
            max_timestamp: take!(bytes, i64),
            producer_id: take!(bytes, i64),
            producer_epoch: take!(bytes, i16),
            base_sequence: take!(bytes, i32),
            record_count: take!(bytes, i32),
        };
        let bad = |what, value: i32| {
            let value = value.into();
            Err(RecordError::BadLength { what, value })
        };
        if header.size() < HEADER_BYTES {
            return bad("a batch's length", batch_length);
        }
        if header.record_count < 0 {
            return bad("the number of records", header.record_count);
        }
        if header.last_offset_delta < 0 {
            return bad("the last offset delta", header.last_offset_delta);
        }
        Ok(header)
    }

    /// Appends the header.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.base_offset.to_be_bytes());
        out.extend(self.batch_length.to_be_bytes());
        out.extend(self.partition_leader_epoch.to_be_bytes());
        out.extend(MAGIC.to_be_bytes());
        out.extend(self.crc.to_be_bytes());
        out.extend(self.attributes.to_be_bytes());
        out.extend(self.last_offset_delta.to_be_bytes());
        out.extend(self.base_timestamp.to_be_bytes());
        out.extend(self.max_timestamp.to_be_bytes());
        out.extend(self.producer_id.to_be_bytes());
        out.extend(self.producer_epoch.to_be_bytes());
        out.extend(self.base_sequence.to_be_bytes());
        out.extend(self.record_count.to_be_bytes());
    }

    /// Bytes of the whole batch.
    pub fn size(&self) -> usize {
        LOG_OVERHEAD + usize::try_from(self.batch_length).unwrap_or(0)
    }

    /// The offset of the last record that the batch was made with.
    pub fn last_offset(&self) -> i64 {
        self.base_offset
            .saturating_add(i64::from(self.last_offset_delta))
    }

    /// The sequence of the last record. Sequences go on with 0 behind `i32::MAX`.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        let sum = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        i32::try_from(sum % (i64::from(i32::MAX) + 1)).unwrap_or(NO_SEQUENCE)
    }

    /// How the records are compressed.
    ///
    /// # Errors
    /// The codec's number where nothing is known by it.
    pub fn compression(&self) -> Result<Compression, CompressionError> {
        Compression::from_id(self.attributes & COMPRESSION_MASK)
    }

    /// Whether all records have the timestamp at which the broker appended them, [`BatchHeader::max_timestamp`].
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & TIMESTAMP_TYPE != 0
    }

    /// Whether the batch belongs to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether its record is a transaction's commit or abort, which no consumer sees.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// When tombstones in this batch may go (KIP-534), in milliseconds; set when compaction first meets one.
    pub fn delete_horizon(&self) -> Option<i64> {
        (self.attributes & DELETE_HORIZON != 0).then_some(self.base_timestamp)
    }

    /// Whether the producer numbers its batches.
    pub fn is_idempotent(&self) -> bool {
        self.producer_id != NO_PRODUCER_ID
    }

    /// Sets the compression in the attributes.
    pub fn set_compression(&mut self, compression: Compression) {
        self.attributes = self.attributes & !COMPRESSION_MASK | compression.id();
    }

    /// Makes the base timestamp the delete horizon. Records' deltas have to be made anew.
    pub fn set_delete_horizon(&mut self, horizon_ms: i64) {
        self.attributes |= DELETE_HORIZON;
        self.base_timestamp = horizon_ms;
    }

    /// The timestamp of a record of this batch, in milliseconds.
    pub fn timestamp_of(&self, record: &Record<'_>) -> i64 {
        if self.is_log_append_time() {
            self.max_timestamp
        } else {
            self.base_timestamp.saturating_add(record.timestamp_delta)
        }
    }

    /// The offset of a record of this batch.
    pub fn offset_of(&self, record: &Record<'_>) -> i64 {
        self.base_offset
            .saturating_add(i64::from(record.offset_delta))
    }
}

/// Completes a whole batch whose header and records stand where they belong: writes its length, and its checksum, the CRC32C
/// (Castagnoli) of all that stands behind the checksum.
///
/// # Panics
/// When `batch` is shorter than a header.
pub fn seal(batch: &mut [u8]) {
    let _ = batch;
    todo!("kafka/batch-crc: what does the length count, and what does the checksum cover?")
}

/// Writes into a whole batch what the broker assigns: the offset of its first record and the leader epoch. It costs as much for
/// a thousand records as for one.
///
/// # Panics
/// When `batch` is shorter than a header.
pub fn stamp(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    let _ = (batch, base_offset, leader_epoch);
    todo!("kafka/batch-crc: two fields in place; does the checksum have to be made anew?")
}

/// Writes into a whole batch the highest timestamp, in milliseconds, and whether that is the time of appending, of all its records
/// (bit 3 of the attributes; the others stay).
///
/// # Panics
/// When `batch` is shorter than a header.
pub fn stamp_max_timestamp(batch: &mut [u8], max_timestamp: i64, log_append_time: bool) {
    let _ = (batch, max_timestamp, log_append_time);
    todo!("kafka/batch-crc: two fields in place; and here?")
}

/// A whole batch, as a view of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordBatch<'a> {
    /// Its header.
    pub header: BatchHeader,
    bytes: &'a [u8],
}

impl<'a> RecordBatch<'a> {
    /// The batch at the front of `bytes`, which may go on behind it. Its checksum is not looked at.
    ///
    /// # Errors
    /// Those of [`BatchHeader::read`]; [`RecordError::Truncated`] where the bytes end before the batch does.
    pub fn parse(bytes: &'a [u8]) -> Result<RecordBatch<'a>, RecordError> {
        let header = BatchHeader::read(bytes)?;
        let bytes = bytes
            .get(..header.size())
            .ok_or(RecordError::Truncated("a batch"))?;
        Ok(RecordBatch { header, bytes })
    }

    /// The batch's bytes, header included.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Compares the checksum.
    ///
    /// # Errors
    /// [`RecordError::Crc`]: the batch is damaged.
    pub fn check_crc(&self) -> Result<(), RecordError> {
        let stated = self.header.crc;
        let actual = crc32c::crc32c(&self.bytes[ATTRIBUTES_AT..]);
        if stated == actual {
            Ok(())
        } else {
            Err(RecordError::Crc { stated, actual })
        }
    }

    /// The bytes of the records, decompressed where they have to be.
    ///
    /// # Errors
    /// Those of decompression.
    pub fn payload(&self) -> Result<Payload<'a>, RecordError> {
        let bytes = &self.bytes[HEADER_BYTES..];
        let bytes = match self.header.compression()? {
            Compression::None => Cow::Borrowed(bytes),
            codec => Cow::Owned(decompress(codec, bytes)?),
        };
        Ok(Payload {
            bytes,
            record_count: self.header.record_count,
        })
    }
}

/// The records of a batch, decompressed.
#[derive(Clone, Debug)]
pub struct Payload<'a> {
    bytes: Cow<'a, [u8]>,
    record_count: i32,
}

impl Payload<'_> {
    /// The records, in order.
    pub fn records(&self) -> Records<'_> {
        Records {
            rest: &self.bytes,
            stated: self.record_count,
            taken: 0,
        }
    }

    /// What they have in common; none where one is not as it should be.
    pub fn summary(&self) -> Option<Summary> {
        summarize(&self.bytes, self.record_count)
    }
}

/// Walks over the records of a batch. After an error there is no further record. That the header counts them rightly is
/// checked at the end.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    stated: i32,
    taken: i32,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        let left = self.stated - self.taken;
        if left == 0 && self.rest.is_empty() {
            return None;
        }
        let result = if left == 0 || self.rest.is_empty() {
            let actual = self.taken + i32::from(left == 0);
            let stated = self.stated;
            Err(RecordError::RecordCount { stated, actual })
        } else {
            Record::decode(&mut self.rest)
        };
        self.taken += 1;
        if result.is_err() {
            (self.rest, self.taken) = (&[], self.stated);
        }
        Some(result)
    }
}

/// The batches at the front of each other in `bytes`, as a fetch answers them: an incomplete one at the end is no error but
/// the end.
pub fn batches(mut bytes: &[u8]) -> impl Iterator<Item = Result<RecordBatch<'_>, RecordError>> {
    std::iter::from_fn(move || match RecordBatch::parse(bytes) {
        Err(RecordError::Truncated(_)) => None,
        Ok(batch) => {
            bytes = &bytes[batch.bytes.len()..];
            Some(Ok(batch))
        }
        Err(error) => {
            bytes = &[];
            Some(Err(error))
        }
    })
}
