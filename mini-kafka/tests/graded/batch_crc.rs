//! What the checksum of a batch covers, and what a broker may change without it.

use autograder::{Test, tests};
use mini_kafka::record::batch::{RecordBatch, seal, stamp, stamp_max_timestamp};

use crate::bytes::batch;

pub(crate) const TESTS: &[Test] = tests![
    a_batch_is_completed_with_length_and_checksum,
    what_stands_before_the_checksum_is_not_covered,
    offsets_are_stamped_and_the_rest_stays,
    a_timestamp_is_stamped_and_covered,
    the_time_of_appending_is_one_bit,
];

fn a_batch_is_completed_with_length_and_checksum() {
    for values in [&b"a"[..], b"abc"] {
        let whole = batch(7, 1000, values);
        let mut blank = whole.clone();
        blank[8..12].fill(0);
        blank[17..21].fill(0xee);
        seal(&mut blank);
        assert_eq!(
            blank,
            whole,
            "length and CRC32C of a batch of {} bytes, and nothing else",
            whole.len()
        );
    }
}

fn what_stands_before_the_checksum_is_not_covered() {
    let whole = batch(7, 1000, b"ab");
    for at in [0, 7, 12, 15, 16] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        let mut sealed = changed.clone();
        seal(&mut sealed);
        assert_eq!(
            sealed, changed,
            "byte {at} stands before the checksum, which stays what it is"
        );
    }
}

fn offsets_are_stamped_and_the_rest_stays() {
    let mut stamped = batch(0, 1000, b"abc");
    let mut expected = stamped.clone();
    expected[..8].copy_from_slice(&0x0102_0304_0506_0708i64.to_be_bytes());
    expected[12..16].copy_from_slice(&9i32.to_be_bytes());
    stamp(&mut stamped, 0x0102_0304_0506_0708, 9);
    assert_eq!(
        stamped, expected,
        "base offset and leader epoch, in place; the checksum holds as before"
    );
    let found = RecordBatch::parse(&stamped).unwrap();
    assert_eq!(found.check_crc(), Ok(()), "the checksum after the stamp");
}

fn a_timestamp_is_stamped_and_covered() {
    let mut stamped = batch(5, 1000, b"abc");
    stamp_max_timestamp(&mut stamped, 77_777, false);
    let found = RecordBatch::parse(&stamped).unwrap();
    assert_eq!(found.header.max_timestamp, 77_777, "the highest timestamp");
    assert_eq!(
        (found.header.base_offset, found.header.base_timestamp),
        (5, 1000),
        "what was not to be changed"
    );
    assert_eq!(
        found.check_crc(),
        Ok(()),
        "the timestamp is covered by the checksum"
    );
}

fn the_time_of_appending_is_one_bit() {
    let mut stamped = batch(5, 1000, b"abc");
    // Zstandard, and a bit that does not exist yet.
    stamped[21..23].copy_from_slice(&[0x01, 0x04]);
    for (log_append_time, attributes) in [
        (true, [0x01, 0x0c]),
        (true, [0x01, 0x0c]),
        (false, [0x01, 0x04]),
    ] {
        stamp_max_timestamp(&mut stamped, 2000, log_append_time);
        assert_eq!(
            stamped[21..23],
            attributes,
            "bit 3 is {log_append_time}, the others stay"
        );
        let found = RecordBatch::parse(&stamped).unwrap();
        assert_eq!(
            found.check_crc(),
            Ok(()),
            "attributes are covered by the checksum"
        );
    }
}
