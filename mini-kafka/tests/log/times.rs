//! Records found by their timestamps.

use mini_kafka::partition::Partition;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use node::MemDisk;

use crate::written::{at_ms, config, one, read_all, sync};

#[test]
fn timestamps_are_found_though_they_do_not_grow() {
    let mut disk = MemDisk::default();
    let settings = config(&[("segment.bytes", "300"), ("index.interval.bytes", "0")]);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
    let times = [5, 3, 9, 9, 2, 9, 12, 1, 30, 20, 30, 4];
    for timestamp in times {
        partition
            .append(&mut disk, &mut one(timestamp, "k", "v"), at_ms(0))
            .unwrap();
    }
    for wanted in 0..32 {
        let expected = (0i64..)
            .zip(times)
            .find(|(_, timestamp)| *timestamp >= wanted);
        assert_eq!(
            partition.offset_for_timestamp(&disk, wanted).unwrap(),
            expected,
            "{wanted}"
        );
    }
}

/// The highest timestamp is looked up as if each record was looked at.
fn check_max(partition: &Partition, disk: &MemDisk) {
    let seen = read_all(partition, disk).into_iter().rev();
    let expected = seen.max_by_key(|record| record.timestamp);
    let expected = expected.map(|record| (record.offset, record.timestamp));
    let found = partition.max_timestamp(disk).unwrap();
    assert_eq!(found, expected, "from {}", partition.log_start_offset());
}

#[test]
fn the_highest_timestamp_is_that_of_a_record_that_is_still_there() {
    let mut disk = MemDisk::default();
    let settings = config(&[("segment.bytes", "300"), ("index.interval.bytes", "0")]);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
    check_max(&partition, &disk);
    for times in [&[90, 20][..], &[80, 70, 85], &[30, 60, 10], &[60], &[5, 7]] {
        let mut builder = BatchBuilder::new(Compression::None);
        for time in times {
            builder.push(*time, None, Some(b"v"), &[]);
        }
        let mut batch = builder.build().unwrap();
        partition.append(&mut disk, &mut batch, at_ms(0)).unwrap();
        check_max(&partition, &disk);
    }
    assert!(partition.log().segments().len() > 1);
    for before in 0..=partition.log_end_offset() {
        partition
            .delete_records(&mut disk, before, at_ms(0))
            .unwrap();
        check_max(&partition, &disk);
    }
}

#[test]
fn the_highest_timestamp_is_that_of_a_record_that_consumers_see() {
    let mut disk = MemDisk::default();
    let settings = config(&[("flush.messages", "1")]);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
    for timestamp in [50, 70, 60, 90] {
        partition
            .append(&mut disk, &mut one(timestamp, "k", "v"), at_ms(0))
            .unwrap();
        check_max(&partition, &disk);
        if timestamp != 90 {
            sync(&mut partition, &mut disk);
            check_max(&partition, &disk);
        }
    }
    assert_eq!(partition.max_timestamp(&disk), Ok(Some((1, 70))));
}

#[test]
fn a_batch_that_compaction_emptied_has_no_timestamp() {
    let mut disk = MemDisk::default();
    let settings = [
        ("segment.bytes", "100"),
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.01"),
    ];
    let (mut partition, _) =
        Partition::open(&mut disk, "t-0", config(&settings), at_ms(0)).unwrap();
    // The producer's last batch stays for its sequence, though its record goes.
    let mut builder = BatchBuilder::new(Compression::None).producer(5, 0, 0);
    builder.push(90, Some(b"k"), Some(b"old"), &[]);
    let mut batches = vec![builder.build().unwrap()];
    batches.extend([40, 60, 50].map(|timestamp| one(timestamp, "k", "new")));
    for batch in &mut batches {
        partition.append(&mut disk, batch, at_ms(0)).unwrap();
    }
    sync(&mut partition, &mut disk);
    let plan = partition.plan_cleaning(at_ms(0)).unwrap();
    let result = plan.run(&mut disk, at_ms(0)).unwrap();
    partition.finish_cleaning(&mut disk, result).unwrap();
    assert_eq!(partition.log().segments()[0].max_timestamp, 90);
    check_max(&partition, &disk);
}

#[test]
fn the_highest_timestamp_before_any_offset_is_that_of_a_record_before_it() {
    let mut disk = MemDisk::default();
    let settings = config(&[("segment.bytes", "400"), ("index.interval.bytes", "100")]);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", settings, at_ms(0)).unwrap();
    let times = [5, 9, 3, 9, 12, 1, 30, 20, 31, 30, 4, 2, 40, 3];
    for timestamp in times {
        let mut batch = one(timestamp, "k", "v");
        partition.append(&mut disk, &mut batch, at_ms(0)).unwrap();
    }
    for end in 0..=times.len() {
        let before = (0i64..).zip(times).take(end);
        let expected = before.min_by_key(|(offset, timestamp)| (-timestamp, *offset));
        let end = i64::try_from(end).unwrap();
        let found = partition.log().max_timestamp(&disk, end).unwrap();
        assert_eq!(found, expected, "before {end}");
    }
}
