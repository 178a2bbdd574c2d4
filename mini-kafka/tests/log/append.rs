//! What the log takes, and how it answers.

use expect_test::{Expect, expect};
use mini_kafka::error::ErrorCode;
use mini_kafka::partition::Partition;
use mini_kafka::record::batch::{seal, stamp_max_timestamp};
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use node::{DiskErrorKind, MemDisk};
use sim::SimDisk;

use crate::written::{at_ms, batch, config, one, read_all, read_from, sync};

fn refused(settings: &[(&str, &str)], mut bytes: Vec<u8>, code: ErrorCode, message: &Expect) {
    let mut disk = MemDisk::default();
    let (mut partition, _) =
        Partition::open(&mut disk, "t-0", config(settings), at_ms(1000)).unwrap();
    let error = partition
        .append(&mut disk, &mut bytes, at_ms(1000))
        .unwrap_err();
    message.assert_eq(&error.to_string());
    assert_eq!(error.code(), code);
    assert_eq!(partition.log_end_offset(), 0);
}

#[test]
fn what_is_refused_and_why() {
    let good = || one(1000, "k", "v");
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good();
        change(&mut bytes);
        bytes
    };
    refused(
        &[],
        with(&|b| b[16] = 1),
        ErrorCode::InvalidRecord,
        &expect!["the batch has format 1; only 2 is supported"],
    );
    refused(
        &[],
        with(&|b| b[69] ^= 1),
        ErrorCode::CorruptMessage,
        &expect!["the checksum is 0x716a6189 in the header, but 0x8301e28a of the bytes"],
    );
    refused(
        &[],
        with(&|b| b.truncate(65)),
        ErrorCode::CorruptMessage,
        &expect!["the bytes end in the middle of a batch"],
    );
    refused(
        &[],
        [good(), good()].concat(),
        ErrorCode::InvalidRecord,
        &expect!["a request may hold one batch for each partition, not more"],
    );
    refused(
        &[("max.message.bytes", "50")],
        good(),
        ErrorCode::MessageTooLarge,
        &expect!["the batch has 70 bytes; max.message.bytes is 50"],
    );
    refused(
        &[("cleanup.policy", "compact")],
        batch(1, &[(None, Some("v"))]),
        ErrorCode::InvalidRecord,
        &expect!["a compacted topic takes no record without a key"],
    );
    refused(
        &[("message.timestamp.before.max.ms", "10")],
        one(900, "k", "v"),
        ErrorCode::InvalidTimestamp,
        &expect!["a record's timestamp, 900 ms, is too far from the broker's time, 1000 ms"],
    );
    refused(
        &[("message.timestamp.after.max.ms", "10")],
        one(1011, "k", "v"),
        ErrorCode::InvalidTimestamp,
        &expect!["a record's timestamp, 1011 ms, is too far from the broker's time, 1000 ms"],
    );
    refused(
        &[],
        with(&|b| stamp_max_timestamp(b, 1000, true)),
        ErrorCode::InvalidTimestamp,
        &expect!["a producer may not say that its timestamps are of type LogAppendTime"],
    );
    refused(
        &[],
        with(&|b| {
            b[22] |= 1 << 6;
            seal(b);
        }),
        ErrorCode::InvalidRecord,
        &expect!["a client may not set a delete horizon: compaction does"],
    );
    let empty = BatchBuilder::new(Compression::None).build().unwrap();
    refused(
        &[],
        empty,
        ErrorCode::InvalidRecord,
        &expect!["the batch's header says 0 records and a last offset delta of 0"],
    );
}

#[test]
fn slices_are_bounded_but_hold_a_whole_batch() {
    let mut disk = MemDisk::default();
    let settings = config(&[("segment.bytes", "500"), ("index.interval.bytes", "100")]);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
    for n in 0..40i64 {
        let info = partition
            .append(&mut disk, &mut one(n, "k", &n.to_string()), at_ms(0))
            .unwrap();
        assert_eq!((info.base_offset, info.last_offset), (n, n));
    }
    assert!(partition.log().segments().len() > 3);
    for from in 0..=40 {
        for max_bytes in [0, 1, 100, 1000] {
            let seen = read_from(&partition, &disk, from, max_bytes);
            let offsets: Vec<i64> = seen.iter().map(|record| record.offset).collect();
            assert_eq!(
                offsets,
                (from..40).collect::<Vec<_>>(),
                "from {from}, {max_bytes} at a time"
            );
        }
    }
    let error = partition.read(&disk, 41, 10).unwrap_err();
    assert_eq!(error.to_string(), "offset 41 is not between 0 and 40");
    assert_eq!(error.code(), ErrorCode::OffsetOutOfRange);
}

#[test]
fn a_topic_may_want_its_own_time() {
    let mut disk = MemDisk::default();
    let settings = config(&[("message.timestamp.type", "LogAppendTime")]);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
    let info = partition
        .append(&mut disk, &mut one(5, "k", "v"), at_ms(77))
        .unwrap();
    assert_eq!(info.log_append_time, Some(77));
    assert_eq!(read_all(&partition, &disk)[0].timestamp, 77);
}

#[cfg(feature = "server")]
#[test]
fn a_topic_may_want_its_own_compression() {
    use mini_kafka::record::batch::RecordBatch;
    use mini_kafka::record::compression::CODECS;
    for codec in CODECS {
        let name = if codec == Compression::None {
            "uncompressed"
        } else {
            codec.name()
        };
        let mut disk = MemDisk::default();
        let settings = config(&[("compression.type", name)]);
        let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
        for from in CODECS {
            let mut builder = BatchBuilder::new(from);
            for n in 0..50 {
                builder.push(n, Some(b"key"), Some(b"value"), &[]);
            }
            partition
                .append(&mut disk, &mut builder.build().unwrap(), at_ms(9))
                .unwrap();
        }
        let file = &disk.files["t-0/00000000000000000000.log"];
        let first = RecordBatch::parse(file).unwrap();
        assert_eq!(first.header.compression(), Ok(codec));
        let seen = read_all(&partition, &disk);
        assert_eq!(seen.len(), 250);
        assert!(
            (0..)
                .zip(&seen)
                .all(|(n, record)| record.offset == n && record.timestamp == n % 50)
        );
    }
}

#[test]
fn where_a_topic_syncs_always_nothing_is_shown_before() {
    let mut disk = MemDisk::default();
    let settings = config(&[("flush.messages", "1")]);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
    partition
        .append(&mut disk, &mut one(1, "k", "a"), at_ms(0))
        .unwrap();
    assert!(partition.sync_due(at_ms(0)));
    let pending = partition.begin_sync().unwrap();
    // Appended while the sync is under way: goes with the next one.
    partition
        .append(&mut disk, &mut one(1, "k", "b"), at_ms(0))
        .unwrap();
    assert_eq!(
        (partition.high_watermark(), partition.log_end_offset()),
        (0, 2)
    );
    assert!(read_all(&partition, &disk).is_empty());
    pending.write(&mut disk).unwrap();
    partition.end_sync(&pending);
    assert_eq!(partition.durable_end_offset(), 1);
    assert_eq!(read_all(&partition, &disk).len(), 1);
    sync(&mut partition, &mut disk);
    assert_eq!(read_all(&partition, &disk).len(), 2);
}

#[test]
fn what_was_shown_stays_shown_where_a_topic_begins_to_sync_always() {
    let mut disk = MemDisk::default();
    let (mut partition, _) = Partition::open(&mut disk, "t-0", config(&[]), at_ms(0)).unwrap();
    partition
        .append(&mut disk, &mut one(1, "k", "a"), at_ms(0))
        .unwrap();
    partition.set_config(config(&[("flush.messages", "1")]));
    assert_eq!(partition.high_watermark(), 1);
    assert_eq!(read_all(&partition, &disk).len(), 1);
    partition
        .append(&mut disk, &mut one(1, "k", "b"), at_ms(0))
        .unwrap();
    assert_eq!(partition.high_watermark(), 1);
    sync(&mut partition, &mut disk);
    assert_eq!(read_all(&partition, &disk).len(), 2);
}

#[test]
fn syncs_are_due_by_count_and_by_time() {
    let mut disk = MemDisk::default();
    let settings = config(&[("flush.messages", "3"), ("flush.ms", "100")]);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
    let append = |partition: &mut Partition, disk: &mut MemDisk, ms| {
        partition
            .append(disk, &mut one(1, "k", "a"), at_ms(ms))
            .unwrap();
    };
    append(&mut partition, &mut disk, 10);
    append(&mut partition, &mut disk, 50);
    assert!(!partition.sync_due(at_ms(109)) && partition.sync_due(at_ms(110)));
    sync(&mut partition, &mut disk);
    assert!(!partition.sync_due(at_ms(1000)));
    for _ in 0..3 {
        assert!(!partition.sync_due(at_ms(1000)));
        append(&mut partition, &mut disk, 1000);
    }
    assert!(partition.sync_due(at_ms(1000)));
}

#[test]
fn a_closed_segment_is_synced_whatever_the_settings() {
    let mut disk = MemDisk::default();
    let settings = config(&[("segment.bytes", "150")]);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
    let mut due = Vec::new();
    for _ in 0..5 {
        partition
            .append(&mut disk, &mut one(1, "k", "a"), at_ms(0))
            .unwrap();
        due.push(partition.sync_due(at_ms(0)));
        if due.ends_with(&[true]) {
            sync(&mut partition, &mut disk);
        }
    }
    assert_eq!(due, [false, false, true, false, true]);
}

#[test]
fn a_full_disk_is_the_producers_trouble_and_passes() {
    let mut disk = SimDisk::default();
    let (mut partition, _) = Partition::open(
        &mut disk,
        "t-0",
        config(&[("segment.bytes", "400")]),
        at_ms(0),
    )
    .unwrap();
    partition
        .append(&mut disk, &mut one(1, "k", "a"), at_ms(0))
        .unwrap();
    let mut refusals = 0;
    for room in 0..200 {
        let used = disk.used();
        disk.set_capacity(Some(used + room));
        if let Err(error) = partition.append(&mut disk, &mut one(1, "k", "b"), at_ms(0)) {
            assert_eq!(error.code(), ErrorCode::KafkaStorageError);
            assert!(error.to_string().contains("no space left"), "{error}");
            refusals += 1;
        }
        assert_eq!(partition.failure(), None);
    }
    assert!(refusals > 50);
    disk.set_capacity(None);
    let end = partition.log_end_offset();
    let info = partition
        .append(&mut disk, &mut one(1, "k", "c"), at_ms(0))
        .unwrap();
    assert_eq!(info.base_offset, end);
    let seen = read_all(&partition, &disk);
    assert!((0..).zip(&seen).all(|(n, record)| record.offset == n));
    assert_eq!(seen.len(), usize::try_from(end + 1).unwrap());
}

#[test]
fn a_broken_disk_takes_the_partition_offline() {
    let mut disk = SimDisk::default();
    let (mut partition, _) = Partition::open(&mut disk, "t-0", config(&[]), at_ms(0)).unwrap();
    partition
        .append(&mut disk, &mut one(1, "k", "a"), at_ms(0))
        .unwrap();
    disk.set_fuse(Some(0));
    let error = partition
        .append(&mut disk, &mut one(1, "k", "b"), at_ms(0))
        .unwrap_err();
    assert!(
        matches!(&error, mini_kafka::log::LogError::Disk(e) if e.kind == DiskErrorKind::Crashed)
    );
    let error = partition
        .append(&mut disk, &mut one(1, "k", "b"), at_ms(0))
        .unwrap_err();
    assert!(
        error.to_string().starts_with("this log is offline"),
        "{error}"
    );
    assert_eq!(
        partition.read(&disk, 0, 10).unwrap_err().code(),
        ErrorCode::KafkaStorageError
    );
}
