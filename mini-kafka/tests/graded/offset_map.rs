//! Compaction, first step: the last offset of each key.

use autograder::{Test, tests};
use mini_kafka::log::offset_map::OffsetMap;

pub(crate) const TESTS: &[Test] = tests![
    an_earlier_record_is_obsolete_and_the_last_is_not,
    a_key_that_is_not_there_makes_nothing_obsolete,
    keys_are_bytes,
    memory_is_counted_by_key_and_not_by_record,
];

/// Keys a, b, a, c, a at 10, 11, 12, 13 and 14.
fn map() -> OffsetMap {
    let mut map = OffsetMap::default();
    for (offset, key) in (10..).zip(["a", "b", "a", "c", "a"]) {
        map.note(key.as_bytes(), offset);
    }
    map
}

fn an_earlier_record_is_obsolete_and_the_last_is_not() {
    for (key, offset, expected) in [
        ("a", 3, true),
        ("a", 10, true),
        ("a", 12, true),
        ("a", 14, false),
        ("b", 11, false),
        ("b", 10, true),
    ] {
        assert_eq!(
            map().is_obsolete(key.as_bytes(), offset),
            expected,
            "key {key} at {offset}; a is last at 14, b at 11"
        );
    }
}

fn a_key_that_is_not_there_makes_nothing_obsolete() {
    assert!(!map().is_obsolete(b"x", 3), "nothing is known of x");
    assert!(
        !map().is_obsolete(b"a", 15),
        "a record behind the mapped part is later than all that is known"
    );
    assert_eq!(map().len(), 3, "asking adds no key");
}

fn keys_are_bytes() {
    let mut map = OffsetMap::default();
    map.note(b"", 1);
    map.note(&[0], 2);
    map.note(&[0, 0], 3);
    map.note(&[0xff, 0xfe], 4);
    assert_eq!(
        map.len(),
        4,
        "an empty key, and keys that begin alike, are keys of their own"
    );
    assert!(
        map.is_obsolete(b"", 0) && !map.is_obsolete(b"", 1),
        "the empty key is last at 1"
    );
    assert!(map.is_obsolete(&[0xff, 0xfe], 3), "this key is last at 4");
}

fn memory_is_counted_by_key_and_not_by_record() {
    let mut map = OffsetMap::default();
    map.note(&[7; 1000], 1);
    let one = map.bytes();
    assert!(
        one >= 1000,
        "a key of 1000 bytes takes at least these, but is counted as {one}"
    );
    for offset in 2..100 {
        map.note(&[7; 1000], offset);
    }
    assert_eq!(map.bytes(), one, "the same key again takes no more");
    map.note(&[8; 1000], 100);
    assert_eq!(map.bytes(), 2 * one, "another key takes as much again");
}
