//! What a leader looks at before it appends a producer's batch (`LogValidator`).
//!
//! The bytes stay as they came where they can: offsets and the leader epoch are not covered by the checksum. Only a topic
//! that wants its own timestamps or its own compression has them changed, and so the checksum with them.

use node::Time;

use super::config::LogConfig;
use super::error::LogError;
use super::segment::now_ms;
use crate::record::RecordError;
use crate::record::batch::{BatchHeader, NO_TIMESTAMP, Payload, RecordBatch, stamp_max_timestamp};
use crate::record::builder;

/// Checks the one batch that `bytes` are, and sets what the topic's settings want set. Returns the batch made anew where
/// the topic has another compression; else it is in `bytes`.
///
/// # Errors
/// [`LogError`]: what a client is to hear. `bytes` may then have changed.
pub fn validate(
    bytes: &mut [u8],
    config: &LogConfig,
    now: Time,
) -> Result<Option<Vec<u8>>, LogError> {
    let batch = RecordBatch::parse(bytes)?;
    let header = batch.header;
    if header.size() < bytes.len() {
        return Err(invalid(
            "a request may hold one batch for each partition, not more",
        ));
    }
    check_size(header.size(), config)?;
    batch.check_crc()?;
    check_header(&header)?;
    let payload = batch.payload()?;
    let mut max_timestamp = match summary_max_timestamp(&header, &payload, config, now) {
        Some(max_timestamp) => max_timestamp,
        None => check_records(&header, &payload, config, now)?,
    };
    if config.log_append_time {
        max_timestamp = now_ms(now);
    }
    let recompressed = match config.compression_type {
        Some(codec) if codec != header.compression().map_err(RecordError::from)? => {
            let mut records = Vec::new();
            for record in payload.records() {
                record?.encode(&mut records);
            }
            let mut header = header;
            header.set_compression(codec);
            let batch = builder::encode(header, &records).map_err(RecordError::from)?;
            check_size(batch.len(), config)?;
            Some(batch)
        }
        _ => None,
    };
    let is_right = max_timestamp == header.max_timestamp
        && config.log_append_time == header.is_log_append_time();
    let Some(mut batch) = recompressed else {
        if !is_right {
            stamp_max_timestamp(bytes, max_timestamp, config.log_append_time);
        }
        return Ok(None);
    };
    stamp_max_timestamp(&mut batch, max_timestamp, config.log_append_time);
    Ok(Some(batch))
}

/// The highest timestamp of the records, where a quick look tells that all are as they must be.
fn summary_max_timestamp(
    header: &BatchHeader,
    payload: &Payload<'_>,
    config: &LogConfig,
    now: Time,
) -> Option<i64> {
    let summary = payload.summary()?;
    let timestamp = |delta: i64| header.base_timestamp.saturating_add(delta);
    let min = timestamp(summary.timestamp_delta_min);
    let max = timestamp(summary.timestamp_delta_max);
    let good = (summary.keyed || !config.cleanup_policy.compact)
        && is_near(min, config, now)
        && is_near(max, config, now);
    good.then_some(max.max(NO_TIMESTAMP))
}

/// The same by looking at each record, which tells what is wrong with it.
fn check_records(
    header: &BatchHeader,
    payload: &Payload<'_>,
    config: &LogConfig,
    now: Time,
) -> Result<i64, LogError> {
    let mut max_timestamp = NO_TIMESTAMP;
    for (expected, record) in (0..).zip(payload.records()) {
        let record = record?;
        if record.offset_delta != expected {
            let delta = record.offset_delta;
            return Err(invalid(&format!(
                "record {expected} of the batch has offset delta {delta}"
            )));
        }
        if config.cleanup_policy.compact && record.key.is_none() {
            return Err(invalid("a compacted topic takes no record without a key"));
        }
        let timestamp = header.timestamp_of(&record);
        if timestamp != NO_TIMESTAMP && !is_near(timestamp, config, now) {
            let now = now_ms(now);
            return Err(LogError::Timestamp { timestamp, now });
        }
        max_timestamp = max_timestamp.max(timestamp);
    }
    Ok(max_timestamp)
}

fn invalid(reason: &str) -> LogError {
    LogError::Invalid(reason.to_owned())
}

fn check_size(size: usize, config: &LogConfig) -> Result<(), LogError> {
    let max = config.max_message_bytes;
    if size as u64 > max.cast_unsigned() {
        return Err(LogError::TooLarge { size, max });
    }
    Ok(())
}

fn check_header(header: &BatchHeader) -> Result<(), LogError> {
    if header.is_control() {
        return Err(invalid("a client may not write control batches"));
    }
    if header.is_log_append_time() {
        return Err(LogError::TimestampType);
    }
    if header.delete_horizon().is_some() {
        return Err(invalid(
            "a client may not set a delete horizon: compaction does",
        ));
    }
    if header.is_transactional() {
        return Err(LogError::Transactional(header.producer_id));
    }
    if header.record_count < 1 || header.last_offset_delta != header.record_count - 1 {
        let (count, delta) = (header.record_count, header.last_offset_delta);
        return Err(invalid(&format!(
            "the batch's header says {count} records and a last offset delta of {delta}"
        )));
    }
    if header.is_idempotent() && (header.producer_epoch < 0 || header.base_sequence < 0) {
        let (id, epoch, sequence) = (
            header.producer_id,
            header.producer_epoch,
            header.base_sequence,
        );
        return Err(invalid(&format!(
            "producer {id} sent epoch {epoch} and sequence {sequence}; neither may be negative"
        )));
    }
    Ok(())
}

/// Whether the topic takes a record's timestamp at this time. What it takes is a range.
fn is_near(timestamp: i64, config: &LogConfig, now: Time) -> bool {
    let now = now_ms(now);
    let too_old = now.saturating_sub(timestamp) > config.timestamp_before_max_ms;
    let too_new = timestamp.saturating_sub(now) > config.timestamp_after_max_ms;
    config.log_append_time || !(too_old || too_new)
}
