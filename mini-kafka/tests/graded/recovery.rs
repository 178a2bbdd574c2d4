//! From whatever a crash has left to a log that is whole.

use autograder::{Test, tests};
use mini_kafka::log::reader::BatchReader;
use mini_kafka::log::recovery::recover_segment;
use mini_kafka::log::segment::Segment;
use node::{DiskErrorKind, MemDisk, Time};
use sim::SimDisk;

use crate::bytes::{batch, checked};

pub(crate) const TESTS: &[Test] = tests![
    a_whole_segment_is_taken_whole,
    a_torn_tail_ends_the_log_before_it,
    a_flipped_bit_ends_the_log_before_its_batch,
    zeros_behind_the_last_batch_are_no_batch,
    what_stands_behind_a_bad_batch_is_not_looked_at,
    an_offset_out_of_order_ends_the_log,
    compaction_leaves_holes_and_they_are_no_damage,
    the_indexes_are_made_in_the_same_walk,
    a_disk_that_fails_is_no_torn_tail,
];

const FILE: &str = "t-0/00000000000000000007.log";

/// Batches of one, two and three records, from offset 7 on.
fn batches() -> [Vec<u8>; 3] {
    [
        batch(7, 100, b"a"),
        batch(8, 90, b"bc"),
        batch(10, 120, b"def"),
    ]
}

/// What recovery makes of a file: the segment, and whether it ended before the file did.
fn recovered(bytes: &[u8], may_have_holes: bool) -> (Segment, Option<String>) {
    let mut disk = MemDisk::default();
    disk.files.insert(FILE.to_owned(), bytes.to_vec());
    let mut reader = BatchReader::new(&disk, FILE, 0, bytes.len() as u64, 64);
    let mut segment = Segment::new(7, 1, Time::ZERO);
    let reason = recover_segment(&mut reader, &mut segment, 60, may_have_holes).unwrap();
    (segment, reason)
}

/// Checks that of `bytes` the first `good` batches of [`batches`] are left.
fn check(bytes: &[u8], good: usize, what: &str) {
    let size: usize = batches()[..good].iter().map(Vec::len).sum();
    let (segment, reason) = recovered(bytes, false);
    let next = [7, 8, 10, 13][good];
    assert_eq!(
        (segment.size, segment.next_offset),
        (size as u64, next),
        "{what}: bytes that are left, and the next offset"
    );
    assert_eq!(
        reason.is_some(),
        size < bytes.len(),
        "{what}: a reason, if something is cut off; but: {reason:?}"
    );
}

fn a_whole_segment_is_taken_whole() {
    check(&batches().concat(), 3, "three good batches");
    check(&[], 0, "an empty file");
}

fn a_torn_tail_ends_the_log_before_it() {
    let bytes = batches().concat();
    let ends: Vec<usize> = batches()
        .iter()
        .scan(0, |end, batch| {
            *end += batch.len();
            Some(*end)
        })
        .collect();
    for cut in 0..bytes.len() {
        let good = ends.iter().filter(|end| **end <= cut).count();
        check(
            &bytes[..cut],
            good,
            &format!("cut after {cut} bytes of {ends:?}"),
        );
    }
}

fn a_flipped_bit_ends_the_log_before_its_batch() {
    let bytes = batches().concat();
    let (first, second) = (batches()[0].len(), batches()[1].len());
    for at in 0..second {
        // The leader epoch is the only thing that nothing vouches for.
        if (12..16).contains(&at) {
            continue;
        }
        let mut flipped = bytes.clone();
        flipped[first + at] ^= 4;
        check(
            &flipped,
            1,
            &format!("byte {at} of the second batch is flipped"),
        );
    }
}

fn zeros_behind_the_last_batch_are_no_batch() {
    for zeros in [1, 61, 200] {
        let bytes = [batches().concat(), vec![0; zeros]].concat();
        check(
            &bytes,
            3,
            &format!("{zeros} zeros behind three good batches"),
        );
    }
}

fn what_stands_behind_a_bad_batch_is_not_looked_at() {
    let [first, mut second, third] = batches();
    let last = second.len() - 1;
    second[last] ^= 1;
    check(
        &[first, second, third].concat(),
        1,
        "a bad batch, and a good one behind it",
    );
}

fn an_offset_out_of_order_ends_the_log() {
    for (offset, what) in [
        (9, "a record is missing before it"),
        (7, "it was there already"),
        (3, "it is from elsewhere"),
    ] {
        let [first, ..] = batches();
        let bytes = [first, batch(offset, 90, b"bc")].concat();
        check(
            &bytes,
            1,
            &format!("offset {offset} where 8 is next: {what}"),
        );
    }
    check(
        &batch(8, 90, b"bc"),
        0,
        "a first batch that is not the segment's",
    );
}

fn compaction_leaves_holes_and_they_are_no_damage() {
    let bytes = [batch(9, 100, b"a"), batch(20, 90, b"bc")].concat();
    let (segment, reason) = recovered(&bytes, true);
    assert_eq!(
        (segment.size, segment.next_offset, reason),
        (bytes.len() as u64, 22, None),
        "holes before 9 and before 20, in a segment that was compacted"
    );
    for offset in [9, 4] {
        let bytes = [batch(9, 100, b"a"), batch(offset, 90, b"bc")].concat();
        let (segment, reason) = recovered(&bytes, true);
        assert_eq!(
            (segment.next_offset, reason.is_some()),
            (10, true),
            "offset {offset} behind 9 is no hole"
        );
    }
}

fn the_indexes_are_made_in_the_same_walk() {
    let (segment, _) = recovered(&batches().concat(), false);
    let mut expected = Segment::new(7, 1, Time::ZERO);
    for batch in batches() {
        let header = mini_kafka::record::batch::BatchHeader::read(&batch).unwrap();
        expected.note(&header, 60);
    }
    assert_eq!(
        segment.offset_index, expected.offset_index,
        "entries of the second and the third batch"
    );
    assert_eq!(
        segment.time_index, expected.time_index,
        "how the highest timestamp grew"
    );
    assert_eq!(segment.max_timestamp, 120, "the highest timestamp");
}

fn a_disk_that_fails_is_no_torn_tail() {
    let mut disk = SimDisk::default();
    let bytes = checked(batch(7, 100, b"a"));
    node::Disk::write_at(&mut disk, FILE, 0, &bytes).unwrap();
    disk.set_fuse(Some(0));
    node::Disk::sync(&mut disk, FILE).unwrap_err();
    let mut reader = BatchReader::new(&disk, FILE, 0, bytes.len() as u64, 64);
    let found = recover_segment(&mut reader, &mut Segment::new(7, 1, Time::ZERO), 60, false);
    let error =
        found.expect_err("who cannot read must not conclude that there is nothing, and cut it off");
    assert_eq!(error.kind, DiskErrorKind::Crashed, "the disk's own error");
}
