//! Makes batches (`MemoryRecordsBuilder`): what a producer does, and the broker where it writes records of its own or rewrites
//! those of others.

use super::batch::{BatchHeader, HEADER_BYTES, NO_PRODUCER_ID, NO_SEQUENCE, NO_TIMESTAMP, seal};
use super::compression::{Compression, CompressionError, compress};
use super::framing::{Header, Record};

/// Gathers records into one batch.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    header: BatchHeader,
    records: Vec<u8>,
}

impl BatchBuilder {
    /// An empty batch, of a producer that is not idempotent.
    pub fn new(compression: Compression) -> BatchBuilder {
        BatchBuilder {
            header: BatchHeader {
                base_offset: 0,
                batch_length: 0,
                partition_leader_epoch: -1,
                crc: 0,
                attributes: compression.id(),
                last_offset_delta: 0,
                base_timestamp: NO_TIMESTAMP,
                max_timestamp: NO_TIMESTAMP,
                producer_id: NO_PRODUCER_ID,
                producer_epoch: -1,
                base_sequence: NO_SEQUENCE,
                record_count: 0,
            },
            records: Vec::new(),
        }
    }

    /// Makes it the batch of an idempotent producer.
    #[must_use]
    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> BatchBuilder {
        self.header.producer_id = id;
        self.header.producer_epoch = epoch;
        self.header.base_sequence = base_sequence;
        self
    }

    /// Adds a record. Its timestamp is in milliseconds since the epoch.
    pub fn push(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) {
        let header = &mut self.header;
        if header.record_count == 0 {
            header.base_timestamp = timestamp_ms;
        }
        header.max_timestamp = header.max_timestamp.max(timestamp_ms);
        header.last_offset_delta = header.record_count;
        let record = Record {
            timestamp_delta: timestamp_ms.saturating_sub(header.base_timestamp),
            offset_delta: header.record_count,
            key,
            value,
            headers: headers.to_vec(),
        };
        record.encode(&mut self.records);
        header.record_count += 1;
    }

    /// How many records it has.
    pub fn record_count(&self) -> i32 {
        self.header.record_count
    }

    /// Bytes of the batch as it is now, before compression.
    pub fn len(&self) -> usize {
        HEADER_BYTES + self.records.len()
    }

    /// Whether it has no record. A broker refuses such a batch.
    pub fn is_empty(&self) -> bool {
        self.header.record_count == 0
    }

    /// The batch's bytes, with base offset 0, which a broker stamps.
    ///
    /// # Errors
    /// [`CompressionError`] of a codec that is not built in.
    pub fn build(self) -> Result<Vec<u8>, CompressionError> {
        encode(self.header, &self.records)
    }
}

/// A whole batch of this header, and of `records` as [`Record::encode`] writes them. Compresses them as the header says, and
/// sets its length and its checksum.
///
/// # Errors
/// [`CompressionError`] of a codec that is unknown or not built in.
pub fn encode(header: BatchHeader, records: &[u8]) -> Result<Vec<u8>, CompressionError> {
    let mut batch = Vec::with_capacity(HEADER_BYTES + records.len());
    header.write(&mut batch);
    match header.compression()? {
        Compression::None => batch.extend_from_slice(records),
        codec => batch.extend(compress(codec, records)?),
    }
    seal(&mut batch);
    Ok(batch)
}
