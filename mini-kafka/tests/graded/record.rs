//! Variable-length integers, and records made of them.

use autograder::{Test, tests};
use mini_kafka::record::RecordError;
use mini_kafka::record::framing::{Header, Record};
use mini_kafka::record::varint::{put_varlong, take_varlong};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    small_numbers_take_one_byte,
    numbers_are_written_as_protocol_buffers_write_them,
    a_number_is_taken_off_the_front,
    a_number_that_ends_too_early_is_truncated,
    a_number_that_goes_on_and_on_is_refused,
    a_record_is_written_field_by_field,
    null_is_not_empty,
    a_record_is_read_back,
    a_record_that_ends_too_early_is_truncated,
    a_length_that_lies_is_refused,
    no_bytes_make_it_panic,
];

fn put(value: i64) -> Vec<u8> {
    let mut out = vec![0xaa];
    put_varlong(value, &mut out);
    assert_eq!(out[0], 0xaa, "what was there before stays");
    out.split_off(1)
}

fn take(mut bytes: &[u8]) -> Result<i64, RecordError> {
    take_varlong(&mut bytes)
}

fn small_numbers_take_one_byte() {
    for (value, byte) in [
        (0, 0),
        (-1, 1),
        (1, 2),
        (-2, 3),
        (2, 4),
        (63, 126),
        (-64, 127),
    ] {
        assert_eq!(put(value), [byte], "zig-zag of {value}, in one byte");
    }
}

fn numbers_are_written_as_protocol_buffers_write_them() {
    for (value, bytes) in [
        (64, &[0x80, 0x01][..]),
        (-65, &[0x81, 0x01]),
        (300, &[0xd8, 0x04]),
        (i64::from(i32::MAX), &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
        (
            i64::MAX,
            &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ),
        (
            i64::MIN,
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
        ),
    ] {
        assert_eq!(put(value), bytes, "{value}");
        assert_eq!(take(bytes), Ok(value), "the number that is {bytes:x?}");
    }
}

fn a_number_is_taken_off_the_front() {
    let bytes = [0xd8, 0x04, 0x01, 0x77];
    let mut rest = &bytes[..];
    assert_eq!(take_varlong(&mut rest), Ok(300), "the first number");
    assert_eq!(rest, [0x01, 0x77], "what is behind it");
    assert_eq!(take_varlong(&mut rest), Ok(-1), "the second number");
    assert_eq!(rest, [0x77], "what is behind both");
}

fn a_number_that_ends_too_early_is_truncated() {
    for bytes in [&[][..], &[0x80], &[0xff; 9]] {
        let found = take(bytes);
        assert!(
            matches!(found, Err(RecordError::Truncated(_))),
            "{bytes:x?} is the beginning of a number, but: {found:?}"
        );
    }
}

fn a_number_that_goes_on_and_on_is_refused() {
    let mut wide = [0xff; 10];
    wide[9] = 0x02;
    for bytes in [&[0xff; 11][..], &[0x80; 30], &wide] {
        let found = take(bytes);
        assert_eq!(
            found,
            Err(RecordError::VarintTooLong(10)),
            "{bytes:x?} has more than 64 bits"
        );
    }
}

fn encoded(record: &Record<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    record.encode(&mut out);
    out
}

fn decoded(mut bytes: &[u8]) -> Result<Record<'_>, RecordError> {
    Record::decode(&mut bytes)
}

/// A record, and its bytes.
fn example() -> (Record<'static>, Vec<u8>) {
    let record = Record {
        timestamp_delta: -1,
        offset_delta: 3,
        key: Some(b"k"),
        value: Some(b"val"),
        headers: vec![
            Header {
                key: "h",
                value: Some(b"x"),
            },
            Header {
                key: "n",
                value: None,
            },
        ],
    };
    let fields = [
        0, 1, 6, 2, b'k', 6, b'v', b'a', b'l', 4, 2, b'h', 2, b'x', 2, b'n', 1,
    ];
    let length = u8::try_from(fields.len() * 2).unwrap();
    (record, [&[length], &fields[..]].concat())
}

fn a_record_is_written_field_by_field() {
    let (record, bytes) = example();
    assert_eq!(
        encoded(&record),
        bytes,
        "length, attributes, deltas, key, value, headers of {record:?}"
    );
    assert_eq!(
        record.encoded_len(),
        bytes.len(),
        "its length is known beforehand"
    );
}

fn null_is_not_empty() {
    let record = |key, value| Record {
        key,
        value,
        ..Record::default()
    };
    for (given, bytes) in [
        (record(None, None), &[12, 0, 0, 0, 1, 1, 0]),
        (record(Some(b""), None), &[12, 0, 0, 0, 0, 1, 0]),
        (record(None, Some(b"")), &[12, 0, 0, 0, 1, 0, 0]),
    ] {
        assert_eq!(
            encoded(&given),
            bytes,
            "a length of -1 for null, of 0 for empty: {given:?}"
        );
        assert_eq!(decoded(bytes), Ok(given), "and back: {bytes:?}");
    }
}

fn a_record_is_read_back() {
    let (record, mut bytes) = example();
    let len = bytes.len();
    bytes.extend([1, 2, 3]);
    let mut rest = &bytes[..];
    assert_eq!(
        Record::decode(&mut rest),
        Ok(record),
        "the record of {bytes:?}"
    );
    assert_eq!(rest, &bytes[len..], "what is behind it");
}

fn a_record_that_ends_too_early_is_truncated() {
    let (_, bytes) = example();
    for cut in 0..bytes.len() {
        let found = decoded(&bytes[..cut]);
        assert!(
            matches!(found, Err(RecordError::Truncated(_))),
            "{cut} of {} bytes are no record, but: {found:?}",
            bytes.len()
        );
    }
}

fn a_length_that_lies_is_refused() {
    let (_, bytes) = example();
    let with = |at: usize, value: u8| {
        let mut changed = bytes.clone();
        changed[at] = value;
        changed.extend([0; 40]);
        changed
    };
    for (changed, what) in [
        (with(0, bytes[0] - 2), "one byte shorter than its fields"),
        (with(0, bytes[0] + 2), "one byte longer than its fields"),
        (with(0, 1), "of negative length"),
        (with(4, 3), "with a key of length -2"),
        (with(6, 60), "with a value that reaches behind its end"),
        (with(10, 3), "with -2 headers"),
        (with(10, 126), "with 63 headers"),
        (with(11, 1), "with a header whose key is null"),
    ] {
        let found = decoded(&changed);
        assert!(
            found.is_err_and(|error| !matches!(error, RecordError::Truncated(_))),
            "a record {what} is damaged, and not just cut short"
        );
    }
}

proptest! {
    #![proptest_config(autograder::property(300))]

    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let mut rest = &bytes[..];
        while !rest.is_empty() && Record::decode(&mut rest).is_ok() {}
    }
}
