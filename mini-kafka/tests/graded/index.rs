//! Where to begin to look: sparse indexes.

use autograder::{Test, seeds, tests};
use mini_kafka::log::index::{OffsetIndex, TimeIndex};

pub(crate) const TESTS: &[Test] = tests![
    an_offset_is_looked_for_from_the_entry_before_it,
    before_the_first_entry_is_the_beginning,
    an_index_of_any_size_is_right,
    a_time_is_looked_for_from_the_last_lower_one,
    an_equal_time_may_have_come_before,
    a_large_index_is_not_read_from_the_front,
];

fn offsets() -> OffsetIndex {
    let mut index = OffsetIndex::default();
    for (offset, position) in [(10, 4200), (15, 9000), (40, 13_500)] {
        index.push(offset, position);
    }
    index
}

fn an_offset_is_looked_for_from_the_entry_before_it() {
    for (offset, position) in [
        (10, 4200),
        (11, 4200),
        (14, 4200),
        (15, 9000),
        (39, 9000),
        (40, 13_500),
        (u32::MAX, 13_500),
    ] {
        assert_eq!(
            offsets().lookup(offset),
            position,
            "where to begin to look for offset {offset}; entries: 10, 15, 40"
        );
    }
}

fn before_the_first_entry_is_the_beginning() {
    assert_eq!(offsets().lookup(9), 0, "the first entry is behind it");
    assert_eq!(OffsetIndex::default().lookup(5), 0, "there is no entry");
    assert_eq!(TimeIndex::default().lookup(5), 0, "there is no entry");
}

fn an_index_of_any_size_is_right() {
    for mut rng in seeds(50).map(node::Rng::new) {
        let (mut index, mut times, mut entries) = (
            OffsetIndex::default(),
            TimeIndex::default(),
            vec![(0u32, 0u32)],
        );
        let mut offset = 0;
        for n in 1..=rng.below(40) {
            offset += 1 + u32::try_from(rng.below(5)).unwrap();
            let position = u32::try_from(n).unwrap() * 100;
            index.push(offset, position);
            times.push(i64::from(offset), position);
            entries.push((offset, position));
        }
        for wanted in 0..offset + 3 {
            let before = entries
                .iter()
                .rfind(|(offset, _)| *offset <= wanted)
                .unwrap();
            assert_eq!(
                index.lookup(wanted),
                before.1,
                "offset {wanted} of entries {entries:?}"
            );
            let lower = entries
                .iter()
                .rfind(|(time, _)| *time < wanted)
                .unwrap_or(&entries[0]);
            assert_eq!(
                times.lookup(i64::from(wanted)),
                lower.1,
                "time {wanted} of entries {entries:?}"
            );
        }
    }
}

/// The highest timestamp grew to 100 with offset 5, to 200 with offset 9, to 350 with offset 30.
fn times() -> TimeIndex {
    let mut index = TimeIndex::default();
    for (timestamp, offset) in [(100, 5), (200, 9), (200, 12), (150, 20), (350, 30)] {
        index.push(timestamp, offset);
    }
    index
}

fn a_time_is_looked_for_from_the_last_lower_one() {
    for (timestamp, offset) in [
        (-1, 0),
        (99, 0),
        (101, 5),
        (199, 5),
        (201, 9),
        (350, 9),
        (351, 30),
        (i64::MAX, 30),
    ] {
        assert_eq!(
            times().lookup(timestamp),
            offset,
            "no record before this offset has a timestamp of {timestamp} or more"
        );
    }
}

fn an_equal_time_may_have_come_before() {
    for (timestamp, offset) in [(100, 0), (200, 5)] {
        assert_eq!(
            times().lookup(timestamp),
            offset,
            "the entry of {timestamp} itself names the first batch with it; from an earlier place it is found, from a later one it may be missed"
        );
    }
}

fn a_large_index_is_not_read_from_the_front() {
    let mut index = OffsetIndex::default();
    for n in 0..300_000u32 {
        index.push(n * 10, n * 4096 % 1_000_000_007);
    }
    // Were it read from the front, this would be some 10^10 steps.
    for n in 0..100_000u32 {
        let wanted = 2_999_990 - n % 1000 * 10;
        assert_eq!(
            index.lookup(wanted),
            wanted / 10 * 4096 % 1_000_000_007,
            "offset {wanted}"
        );
    }
}
