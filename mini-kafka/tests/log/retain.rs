//! What is deleted for its age, its size, or because somebody asked.

use mini_kafka::error::ErrorCode;
use mini_kafka::partition::Partition;
use node::MemDisk;
use sim::SimDisk;

use crate::written::{at_ms, config, one, read_all, sync};

/// Ten records at 0, 100, … 900 ms, two a segment.
fn ten(disk: &mut MemDisk, settings: &[(&str, &str)]) -> Partition {
    let settings = [&[("segment.bytes", "150")], settings].concat();
    let (mut partition, _) = Partition::open(disk, "t-0", config(&settings), at_ms(0)).unwrap();
    for n in 0..10 {
        partition
            .append(disk, &mut one(n * 100, "k", "v"), at_ms(0))
            .unwrap();
    }
    partition
}

#[test]
fn the_old_goes_by_the_age_of_its_newest_record() {
    let mut disk = MemDisk::default();
    let mut partition = ten(&mut disk, &[("retention.ms", "1000")]);
    let mut starts = Vec::new();
    for now in [1000, 1100, 1101, 1300, 1301, 1901] {
        partition.tick(&mut disk, at_ms(now)).unwrap();
        starts.push(partition.log_start_offset());
    }
    assert_eq!(starts, [0, 0, 2, 2, 4, 10]);
    assert_eq!(partition.log_end_offset(), 10);
    let info = partition
        .append(&mut disk, &mut one(1, "k", "v"), at_ms(0))
        .unwrap();
    assert_eq!(info.base_offset, 10, "an offset is never given out twice");
    assert_eq!(
        disk.files
            .keys()
            .filter(|name| name.ends_with(".log"))
            .count(),
        1
    );
}

#[test]
fn the_oldest_goes_where_there_is_too_much() {
    let mut disk = MemDisk::default();
    let mut partition = ten(
        &mut disk,
        &[("retention.ms", "-1"), ("retention.bytes", "400")],
    );
    partition.tick(&mut disk, at_ms(0)).unwrap();
    assert_eq!(partition.log_start_offset(), 4);
    assert!(partition.log().size() >= 400);
}

#[test]
fn a_compacted_topic_deletes_nothing_for_its_age() {
    let mut disk = MemDisk::default();
    let settings = [("retention.ms", "1"), ("cleanup.policy", "compact")];
    let mut partition = ten(&mut disk, &settings);
    assert_eq!(partition.tick(&mut disk, at_ms(10_000)).unwrap(), 0);
}

#[test]
fn what_consumers_have_not_seen_stays() {
    let mut disk = MemDisk::default();
    let settings = [("retention.ms", "1"), ("flush.messages", "1")];
    let mut partition = ten(&mut disk, &settings);
    assert_eq!(partition.tick(&mut disk, at_ms(10_000)).unwrap(), 0);
    sync(&mut partition, &mut disk);
    assert_eq!(partition.tick(&mut disk, at_ms(10_000)).unwrap(), 5);
    assert_eq!(
        (partition.log_start_offset(), partition.high_watermark()),
        (10, 10)
    );
}

#[test]
fn records_are_deleted_up_to_an_offset() {
    let mut disk = MemDisk::default();
    let mut partition = ten(&mut disk, &[("retention.ms", "-1")]);
    assert_eq!(partition.delete_records(&mut disk, 5, at_ms(0)).unwrap(), 5);
    assert_eq!(read_all(&partition, &disk)[0].offset, 5);
    assert!(!disk.files.contains_key("t-0/00000000000000000002.log"));
    assert_eq!(
        partition.delete_records(&mut disk, 2, at_ms(0)).unwrap(),
        5,
        "there is no way back"
    );
    assert_eq!(
        partition.read(&disk, 4, 10).unwrap_err().code(),
        ErrorCode::OffsetOutOfRange
    );
    let error = partition
        .delete_records(&mut disk, 11, at_ms(0))
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::OffsetOutOfRange);
    let (mut again, _) = Partition::open(&mut disk, "t-0", config(&[]), at_ms(0)).unwrap();
    assert_eq!(again.log_start_offset(), 5);
    assert_eq!(again.delete_records(&mut disk, -1, at_ms(0)).unwrap(), 10);
    assert!(read_all(&again, &disk).is_empty());
    let (again, _) = Partition::open(&mut disk, "t-0", config(&[]), at_ms(0)).unwrap();
    assert_eq!((again.log_start_offset(), again.log_end_offset()), (10, 10));
}

/// Records with timestamps of long ago were all deleted for their age with the first few that somebody wanted deleted.
#[test]
fn what_is_deleted_by_offset_is_not_the_time_for_what_is_old() {
    let mut disk = MemDisk::default();
    let mut partition = ten(&mut disk, &[("retention.ms", "1000")]);
    let late = at_ms(10_000);
    assert_eq!(partition.delete_records(&mut disk, 5, late).unwrap(), 5);
    assert_eq!(read_all(&partition, &disk)[0].offset, 5);
    assert!(!disk.files.contains_key("t-0/00000000000000000002.log"));
    assert!(partition.tick(&mut disk, late).unwrap() > 0);
    assert_eq!(partition.log_start_offset(), 10);
}

#[test]
fn what_could_not_be_deleted_for_good_is_still_there() {
    let mut disk = SimDisk::default();
    let (mut partition, _) = Partition::open(&mut disk, "t-0", config(&[]), at_ms(0)).unwrap();
    for n in 0..10 {
        let mut bytes = one(n, "k", "v");
        partition.append(&mut disk, &mut bytes, at_ms(0)).unwrap();
    }
    disk.set_capacity(Some(disk.used()));
    let error = partition
        .delete_records(&mut disk, 5, at_ms(0))
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::KafkaStorageError);
    assert_eq!(partition.log_start_offset(), 0);
    assert_eq!(read_all(&partition, &disk).len(), 10);
    disk.set_capacity(None);
    assert_eq!(partition.delete_records(&mut disk, 5, at_ms(0)).unwrap(), 5);
}
