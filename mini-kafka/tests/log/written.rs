//! Batches to write, and what a log gives back.

use mini_kafka::log::LogConfig;
use mini_kafka::partition::Partition;
use mini_kafka::record::batch::batches;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use node::{Disk, Time};

/// A record as a consumer sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Seen {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
}

/// Settings by name.
pub(crate) fn config(settings: &[(&str, &str)]) -> LogConfig {
    let mut config = LogConfig::default();
    for (name, value) in settings {
        config.set(name, value).unwrap();
    }
    config
}

/// A batch of records with these keys and values, all of one time.
pub(crate) fn batch(timestamp: i64, records: &[(Option<&str>, Option<&str>)]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Compression::None);
    for (key, value) in records {
        let (key, value) = (key.map(str::as_bytes), value.map(str::as_bytes));
        builder.push(timestamp, key, value, &[]);
    }
    builder.build().unwrap()
}

/// A batch of one record.
pub(crate) fn one(timestamp: i64, key: &str, value: &str) -> Vec<u8> {
    batch(timestamp, &[(Some(key), Some(value))])
}

pub(crate) fn at_ms(ms: u64) -> Time {
    Time::from_millis(ms)
}

pub(crate) fn sync(partition: &mut Partition, disk: &mut dyn Disk) {
    if let Some(pending) = partition.begin_sync() {
        pending.write(disk).unwrap();
        partition.end_sync(&pending);
    }
}

/// All that a consumer sees from an offset on, fetched `max_bytes` at a time.
pub(crate) fn read_from(
    partition: &Partition,
    disk: &dyn Disk,
    mut offset: i64,
    max_bytes: u64,
) -> Vec<Seen> {
    let mut seen = Vec::new();
    loop {
        let slice = partition.read(disk, offset, max_bytes).unwrap();
        let len = usize::try_from(slice.len).unwrap();
        let bytes = disk.read_at(&slice.file, slice.position, len).unwrap();
        assert_eq!(bytes.len(), len, "{slice:?}");
        let before = offset;
        for batch in batches(&bytes) {
            let batch = batch.unwrap();
            batch.check_crc().unwrap();
            for record in batch.payload().unwrap().records() {
                let record = record.unwrap();
                let text =
                    |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8(b.to_vec()).unwrap());
                let at = batch.header.offset_of(&record);
                if at >= offset {
                    seen.push(Seen {
                        offset: at,
                        timestamp: batch.header.timestamp_of(&record),
                        key: text(record.key),
                        value: text(record.value),
                    });
                }
            }
            offset = batch.header.last_offset() + 1;
        }
        if slice.len == 0 {
            return seen;
        }
        assert!(offset > before, "a slice without a whole batch: {slice:?}");
    }
}

/// All that a consumer sees.
pub(crate) fn read_all(partition: &Partition, disk: &dyn Disk) -> Vec<Seen> {
    read_from(partition, disk, partition.log_start_offset(), 4096)
}
