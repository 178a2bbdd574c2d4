//! Batches made by hand, so that a test of one exercise needs no other.

use mini_kafka::record::batch::BatchHeader;

/// A batch with one record for each byte of `values`, which is its value; without a key. Of no idempotent producer.
pub(crate) fn batch(base_offset: i64, timestamp: i64, values: &[u8]) -> Vec<u8> {
    let records: Vec<u8> = (0u8..)
        .zip(values)
        .flat_map(|(delta, value)| {
            // Length 7, attributes, timestamp delta 0, offset delta, no key, one byte of value, no headers.
            [14, 0, 0, delta * 2, 1, 2, *value, 0]
        })
        .collect();
    let mut bytes = base_offset.to_be_bytes().to_vec();
    bytes.extend(u32::try_from(49 + records.len()).unwrap().to_be_bytes());
    bytes.extend((-1i32).to_be_bytes());
    bytes.push(2);
    bytes.extend([0; 4]);
    bytes.extend(0i16.to_be_bytes());
    bytes.extend(u32::try_from(values.len() - 1).unwrap().to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend(timestamp.to_be_bytes());
    bytes.extend((-1i64).to_be_bytes());
    bytes.extend((-1i16).to_be_bytes());
    bytes.extend((-1i32).to_be_bytes());
    bytes.extend(u32::try_from(values.len()).unwrap().to_be_bytes());
    bytes.extend(records);
    checked(bytes)
}

/// The batch with the checksum that belongs to it.
pub(crate) fn checked(mut batch: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch
}

/// The header of a batch of `count` records, of no idempotent producer, at timestamp 100.
pub(crate) fn header(base_offset: i64, count: i32) -> BatchHeader {
    BatchHeader {
        base_offset,
        batch_length: 100,
        partition_leader_epoch: 0,
        crc: 0,
        attributes: 0,
        last_offset_delta: count - 1,
        base_timestamp: 100,
        max_timestamp: 100,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        record_count: count,
    }
}
