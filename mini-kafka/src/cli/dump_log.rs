//! `mini-kafka dump-log`: like `kafka-dump-log.sh`, shows what a segment file holds.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use mini_kafka::record::batch::RecordBatch;

/// Which files, and how much of them.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Segments
    #[arg(
        long,
        value_name = "FILE.log[,FILE.log...]",
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
        dump(&bytes, options.print_data_log);
    }
    Ok(())
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
