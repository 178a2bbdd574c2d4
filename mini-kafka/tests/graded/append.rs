//! Appending to the active segment, and when a new one begins.

use autograder::{Test, tests};
use mini_kafka::log::Log;
use mini_kafka::log::config::LogConfig;
use mini_kafka::log::segment::Segment;
use node::{Disk, DiskErrorKind, MemDisk, Time};
use sim::SimDisk;

use crate::bytes::{batch, header};

pub(crate) const TESTS: &[Test] = tests![
    a_segment_does_not_grow_beyond_its_limit,
    an_empty_segment_takes_anything,
    a_segments_age_is_counted_in_its_records_time,
    without_timestamps_age_is_counted_on_the_clock,
    a_segments_offsets_fit_into_its_indexes,
    a_batch_is_stamped_with_the_next_offset,
    each_batch_stands_behind_the_last,
    a_failed_write_leaves_no_trace,
    a_failed_clean_up_is_reported,
];

const FILE: &str = "t-0/00000000000000000000.log";

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// A segment of this many batches of 112 bytes, a record each, with this timestamp.
fn segment(batches: i64, timestamp: i64) -> Segment {
    let mut segment = Segment::new(0, 1, at(0));
    for offset in 0..batches {
        let mut header = header(offset, 1);
        header.max_timestamp = timestamp;
        segment.note(&header, 4096);
    }
    segment
}

fn config(segment_bytes: i64, segment_ms: i64) -> LogConfig {
    LogConfig {
        segment_bytes,
        segment_ms,
        ..LogConfig::default()
    }
}

fn a_segment_does_not_grow_beyond_its_limit() {
    let (segment, config) = (segment(3, 100), config(1000, i64::MAX));
    for (size, rolls) in [(1, false), (664, false), (665, true), (5000, true)] {
        let found = segment.should_roll(&config, size, 3, 100, at(0));
        assert_eq!(
            found, rolls,
            "336 bytes are there and {size} come; the limit is 1000"
        );
    }
}

fn an_empty_segment_takes_anything() {
    let (empty, config) = (segment(0, 100), config(1000, 10));
    assert!(
        !empty.should_roll(&config, 2000, 0, 100, at(0)),
        "a batch larger than a segment has to go somewhere"
    );
    assert!(
        !empty.should_roll(&config, 10, 0, 100, at(999_999)),
        "a new segment in the place of an empty one would be the same again"
    );
    assert!(
        !empty.should_roll(&config, 10, 3_000_000_000, 100, at(0)),
        "the next one would be no better"
    );
}

fn a_segments_age_is_counted_in_its_records_time() {
    let (segment, config) = (segment(3, 5000), config(100_000, 1000));
    for (timestamp, rolls) in [(5000, false), (6000, false), (6001, true), (1000, false)] {
        let found = segment.should_roll(&config, 10, 3, timestamp, at(999_999_999));
        assert_eq!(
            found, rolls,
            "its first record is of 5000 ms, the new one of {timestamp} ms, the limit 1000 ms"
        );
    }
}

fn without_timestamps_age_is_counted_on_the_clock() {
    let (without, with, config) = (segment(3, -1), segment(3, 5000), config(100_000, 1000));
    for (now, rolls) in [(1000, false), (1001, true)] {
        assert_eq!(
            without.should_roll(&config, 10, 3, 5000, at(now)),
            rolls,
            "its records have no timestamps, it was begun at 0 and now is {now} ms"
        );
        assert_eq!(
            with.should_roll(&config, 10, 3, -1, at(now)),
            rolls,
            "the new record has no timestamp, the segment was begun at 0 and now is {now} ms"
        );
    }
}

fn a_segments_offsets_fit_into_its_indexes() {
    let (segment, config) = (segment(3, 100), config(100_000, i64::MAX));
    let max = i64::from(i32::MAX);
    assert!(
        !segment.should_roll(&config, 10, max, 100, at(0)),
        "an index has room for this offset"
    );
    assert!(
        segment.should_roll(&config, 10, max + 1, 100, at(0)),
        "an index has 31 bits for an offset"
    );
}

fn open(disk: &mut dyn Disk) -> Log {
    Log::open(disk, "t-0", LogConfig::default(), at(0))
        .unwrap()
        .0
}

fn a_batch_is_stamped_with_the_next_offset() {
    let mut disk = MemDisk::default();
    let mut log = open(&mut disk);
    let mut first = batch(1_000_000, 100, b"abc");
    log.write_batch(&mut disk, &mut first).unwrap();
    let mut expected = batch(0, 100, b"abc");
    expected[12..16].copy_from_slice(&0i32.to_be_bytes());
    assert_eq!(
        disk.files[FILE], expected,
        "the batch with offset 0 and the leader's epoch, 0, whatever its producer wrote there"
    );
    assert_eq!(
        log.log_end_offset(),
        3,
        "the log's end behind three records"
    );
}

fn each_batch_stands_behind_the_last() {
    let mut disk = MemDisk::default();
    let mut log = open(&mut disk);
    let mut offsets = Vec::new();
    for values in [&b"abc"[..], b"d", b"ef"] {
        let at = disk.files[FILE].len();
        log.write_batch(&mut disk, &mut batch(0, 100, values))
            .unwrap();
        let file = &disk.files[FILE];
        assert_eq!(
            file.len(),
            at + 61 + 8 * values.len(),
            "the file grows by the batch"
        );
        offsets.push(i64::from_be_bytes(*file[at..].first_chunk().unwrap()));
    }
    assert_eq!(offsets, [0, 3, 4], "the first offset of each batch");
    let segment = &log.segments()[0];
    assert_eq!(
        (segment.next_offset, segment.size),
        (6, disk.files[FILE].len() as u64),
        "what the segment knows of itself"
    );
}

fn a_failed_write_leaves_no_trace() {
    let mut disk = SimDisk::default();
    let mut log = open(&mut disk);
    log.write_batch(&mut disk, &mut batch(0, 100, b"abc"))
        .unwrap();
    let before = disk.contents(FILE).unwrap().to_vec();
    let used = disk.used();
    for room in [0, 10, 68] {
        disk.set_capacity(Some(used + room));
        let error = log
            .write_batch(&mut disk, &mut batch(0, 100, b"d"))
            .unwrap_err();
        assert!(
            matches!(&error, mini_kafka::log::LogError::Disk(e) if e.kind == DiskErrorKind::Full),
            "the disk is full, but: {error}"
        );
        assert_eq!(
            disk.contents(FILE).unwrap(),
            before,
            "with room for {room} bytes of the batch: what was written of it is cut off again"
        );
        assert_eq!(log.log_end_offset(), 3, "no offset was given out");
    }
    disk.set_capacity(None);
    log.write_batch(&mut disk, &mut batch(0, 100, b"e"))
        .unwrap();
    let file = disk.contents(FILE).unwrap();
    assert_eq!(
        i64::from_be_bytes(*file[before.len()..].first_chunk().unwrap()),
        3,
        "the next batch takes offset 3, and stands behind the last good one"
    );
}

fn a_failed_clean_up_is_reported() {
    let mut disk = SimDisk::default();
    let mut log = open(&mut disk);
    disk.set_fuse(Some(0));
    let error = log
        .write_batch(&mut disk, &mut batch(0, 100, b"d"))
        .unwrap_err();
    assert!(
        error.is_fatal(),
        "neither the write nor cutting it off succeeded, so the log cannot go on, but: {error}"
    );
    assert_eq!(log.log_end_offset(), 0, "no offset was given out");
}
