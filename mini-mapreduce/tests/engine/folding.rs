//! Values folded in the buffer, whatever room it has.

use std::cell::Cell;
use std::collections::BTreeMap;

use mini_mapreduce::buffer::SortBuffer;
use mini_mapreduce::job::RecordError;
use mini_mapreduce::program::RawFold;
use proptest::prelude::*;

/// Adds numbers that are written as digits; fails with one that is none.
struct Add;

impl RawFold for Add {
    fn fold(&self, left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        let number = |bytes: &[u8]| {
            let number = std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.parse::<u64>().ok());
            number.ok_or_else(|| RecordError::bad("no number"))
        };
        out.extend_from_slice((number(left)? + number(right)?).to_string().as_bytes());
        Ok(())
    }
}

/// Puts one behind the other.
struct Append;

impl RawFold for Append {
    fn fold(&self, left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        out.extend_from_slice(left);
        out.extend_from_slice(right);
        Ok(())
    }
}

fn fold(buffer: &mut SortBuffer, key: &str, value: &str) -> bool {
    let partition = || 0;
    buffer
        .fold(&Add, key.as_bytes(), value.as_bytes(), &partition)
        .unwrap()
}

fn rows(buffer: &SortBuffer) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let row = |index| {
        let (_, (key, value)) = buffer.get(index);
        (text(key), text(value))
    };
    let mut rows: Vec<_> = (0..buffer.len()).map(row).collect();
    rows.sort_unstable();
    rows
}

fn row(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn the_first_value_of_a_key_is_kept_as_it_is() {
    let mut buffer = SortBuffer::new(10_000, true);
    assert!(fold(&mut buffer, "a", "007"), "there is room for it");
    assert_eq!(
        rows(&buffer),
        [row("a", "007")],
        "there is nothing to fold it with"
    );
    assert!(fold(&mut buffer, "", "1"), "an empty key is a key");
    assert_eq!(rows(&buffer), [row("", "1"), row("a", "007")]);
}

#[test]
fn two_values_of_a_key_are_one() {
    let mut buffer = SortBuffer::new(10_000, true);
    for (key, value) in [("a", "1"), ("b", "10"), ("a", "2"), ("a", "3"), ("b", "20")] {
        assert!(fold(&mut buffer, key, value), "there is room for it");
    }
    assert_eq!(
        rows(&buffer),
        [row("a", "6"), row("b", "30")],
        "one pair for each key"
    );
}

#[test]
fn the_partition_is_asked_for_a_new_key_alone() {
    let mut buffer = SortBuffer::new(10_000, true);
    let asked = Cell::new(0);
    let partition = || {
        asked.set(asked.get() + 1);
        7
    };
    for _ in 0..100 {
        assert!(buffer.fold(&Add, b"a", b"1", &partition).unwrap());
    }
    assert_eq!(
        asked.get(),
        1,
        "all pairs of a key are of one partition, which costs a hash"
    );
    assert_eq!(buffer.get(0).0, 7, "and that is the partition of its pair");
}

#[test]
fn a_value_may_grow() {
    let mut buffer = SortBuffer::new(100_000, true);
    let partition = || 0;
    for (key, value) in [("a", "x"), ("b", "first"), ("c", "y")] {
        buffer
            .fold(&Append, key.as_bytes(), value.as_bytes(), &partition)
            .unwrap();
    }
    for _ in 0..200 {
        assert!(buffer.fold(&Append, b"b", b"+more", &partition).unwrap());
    }
    let long = format!("first{}", "+more".repeat(200));
    let expected = [row("a", "x"), row("b", &long), row("c", "y")];
    assert_eq!(
        rows(&buffer),
        expected,
        "and its neighbours are what they were"
    );
}

#[test]
fn a_full_buffer_still_folds() {
    let mut buffer = SortBuffer::new(4_000, true);
    let mut keys = 0;
    while fold(&mut buffer, &format!("key {keys}"), "1") {
        keys += 1;
        assert!(keys < 1000, "it is never full");
    }
    assert!(
        buffer.used() <= 4_000,
        "{} of 4000 bytes are taken",
        buffer.used()
    );
    for key in 0..keys {
        assert!(
            fold(&mut buffer, &format!("key {key}"), "1"),
            "a sum takes no more room"
        );
    }
    assert_eq!(buffer.len(), keys);
    assert!(
        rows(&buffer).iter().all(|(_, value)| value == "2"),
        "each key came twice"
    );
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_lost() {
    let mut buffer = SortBuffer::new(1_000, true);
    let partition = || 0;
    assert!(
        buffer
            .fold(&Append, b"a", &[b'x'; 100], &partition)
            .unwrap(),
        "it has room"
    );
    let before = rows(&buffer);
    let is_in = buffer
        .fold(&Append, b"a", &[b'y'; 2_000], &partition)
        .unwrap();
    assert!(!is_in, "2,100 bytes have no room in 1,000");
    assert_eq!(
        rows(&buffer),
        before,
        "the caller spills what is there, and tries again"
    );
    let is_in = buffer
        .fold(&Append, b"b", &[b'y'; 2_000], &partition)
        .unwrap();
    assert!(!is_in, "nor has a new key with as many");
    assert_eq!(rows(&buffer), before);
    buffer.clear();
    assert!(buffer.fold(&Append, b"a", b"z", &partition).unwrap());
    assert_eq!(
        rows(&buffer),
        [row("a", "z")],
        "nothing is known of a key from before the spill"
    );
}

#[test]
fn a_fold_that_fails_says_so() {
    let mut buffer = SortBuffer::new(10_000, true);
    assert!(fold(&mut buffer, "a", "1"));
    let failed = buffer.fold(&Add, b"a", b"soon", &|| 0);
    assert!(failed.is_err(), "`soon` is no number");
    assert_eq!(rows(&buffer), [row("a", "1")], "what was there is there");
}

proptest! {
    #[test]
    fn sums_are_those_of_a_loop(pairs in prop::collection::vec(("[a-c]{0,3}", 0_u64..1_000_000_000), 0..300)) {
        let mut buffer = SortBuffer::new(1_200, true);
        let (mut found, mut expected) = (BTreeMap::new(), BTreeMap::new());
        let spill = |buffer: &mut SortBuffer, found: &mut BTreeMap<String, u64>| {
            let mut last = None;
            for (key, value) in rows(buffer) {
                assert_ne!(last.as_ref(), Some(&key), "a key is there once");
                *found.entry(key.clone()).or_default() += value.parse::<u64>().unwrap();
                last = Some(key);
            }
            buffer.clear();
        };
        for (key, value) in pairs {
            *expected.entry(key.clone()).or_default() += value;
            if !fold(&mut buffer, &key, &value.to_string()) {
                spill(&mut buffer, &mut found);
                assert!(fold(&mut buffer, &key, &value.to_string()), "an empty buffer has room");
            }
        }
        spill(&mut buffer, &mut found);
        assert_eq!(found, expected, "whatever is spilled when");
    }
}
