//! `mini-kafka dump-log`: like `kafka-dump-log.sh`, shows what a segment's files hold, each by its name's extension.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use mini_kafka::log::files;
use mini_kafka::log::index::{OffsetIndex, TimeIndex};
use mini_kafka::log::producer_state::ProducerStates;
use mini_kafka::record::batch::RecordBatch;

/// Which files, and how much of them.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Segments, indexes of theirs, and snapshots of what is known of producers
    #[arg(
        long,
        value_name = "FILE[,FILE...]",
        value_delimiter = ',',
        required = true
    )]
    files: Vec<PathBuf>,
    /// Records too, not only batches
    #[arg(long)]
    print_data_log: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    for file in &options.files {
        say!("Dumping {}", file.display());
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let base = |suffix| files::offset_of(&name, suffix).unwrap_or(0);
        let known = match file.extension().and_then(|extension| extension.to_str()) {
            Some("index") => dump_index(&bytes, base(files::INDEX)),
            Some("timeindex") => dump_time_index(&bytes, base(files::TIME_INDEX)),
            Some("snapshot") => dump_producers(&bytes),
            // Also one that compaction writes.
            Some("log" | "cleaned" | "swap") => {
                dump(&bytes, options.print_data_log);
                Some(())
            }
            _ => bail!("{name}: expected a .log, .index, .timeindex or .snapshot"),
        };
        known.with_context(|| {
            format!(
                "{} is damaged: the broker makes it anew from its log at the next start",
                file.display()
            )
        })?;
    }
    Ok(())
}

fn dump_index(bytes: &[u8], base: i64) -> Option<()> {
    for entry in OffsetIndex::decode(bytes, u64::MAX)?.entries() {
        let offset = base + i64::from(entry.relative_offset);
        say!("offset: {offset} position: {}", entry.position);
    }
    Some(())
}

fn dump_time_index(bytes: &[u8], base: i64) -> Option<()> {
    for entry in TimeIndex::decode(bytes)?.entries() {
        let offset = base + i64::from(entry.relative_offset);
        say!("timestamp: {} offset: {offset}", entry.timestamp);
    }
    Some(())
}

/// As in Kafka the last batch alone, and what transactions would add.
fn dump_producers(bytes: &[u8]) -> Option<()> {
    for (id, entry) in ProducerStates::decode(bytes)?.producers() {
        let last = entry.batches.back()?;
        say!(
            "producerId: {id} producerEpoch: {} coordinatorEpoch: -1 currentTxnFirstOffset: OptionalLong.empty \
             lastTimestamp: {} firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
            entry.epoch,
            last.timestamp,
            last.base_sequence,
            last.last_sequence,
            last.last_offset,
            last.last_offset - last.base_offset,
            last.timestamp,
        );
    }
    Some(())
}

fn dump(bytes: &[u8], records: bool) {
    let mut position = 0;
    while position < bytes.len() {
        let batch = match RecordBatch::parse(&bytes[position..]) {
            Ok(batch) => batch,
            Err(error) => {
                let left = bytes.len() - position;
                say!("position: {position}: the last {left} bytes are no whole batch: {error}");
                return;
            }
        };
        let header = &batch.header;
        let valid = batch.check_crc().is_ok();
        let codec = match header.compression() {
            Ok(codec) => codec.name().to_owned(),
            Err(error) => error.to_string(),
        };
        say!(
            "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} \
             producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} position: {position} \
             CreateTime: {} size: {} magic: 2 compresscodec: {codec} crc: {} isvalid: {valid}",
            header.base_offset,
            header.last_offset(),
            header.record_count,
            header.base_sequence,
            header.last_sequence(),
            header.producer_id,
            header.producer_epoch,
            header.partition_leader_epoch,
            header.is_transactional(),
            header.is_control(),
            header.max_timestamp,
            batch.bytes().len(),
            header.crc,
        );
        if records {
            dump_records(&batch);
        }
        position += batch.bytes().len();
    }
}

fn dump_records(batch: &RecordBatch<'_>) {
    let payload = match batch.payload() {
        Ok(payload) => payload,
        Err(error) => return say!("| {error}"),
    };
    let show = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => "null".to_owned(),
    };
    for record in payload.records() {
        match record {
            Ok(record) => say!(
                "| offset: {} CreateTime: {} key: {} payload: {}",
                batch.header.offset_of(&record),
                batch.header.timestamp_of(&record),
                show(record.key),
                show(record.value),
            ),
            Err(error) => say!("| {error}"),
        }
    }
}
