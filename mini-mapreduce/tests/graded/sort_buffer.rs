//! The map's sort buffer.

use autograder::{Test, tests};
use mini_mapreduce::buffer::SortBuffer;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    what_goes_in_comes_out,
    partitions_come_first_and_keys_second,
    keys_that_begin_alike_are_told_apart,
    pairs_of_one_key_stay_in_their_order,
    the_budget_is_kept,
    a_pair_that_does_not_fit_changes_nothing,
    a_spilled_buffer_is_as_good_as_new,
    sorting_is_that_of_the_standard_library,
];

type Row = (u32, Vec<u8>, Vec<u8>);

fn rows(buffer: &SortBuffer) -> Vec<Row> {
    let row = |index| {
        let (partition, (key, value)) = buffer.get(index);
        (partition, key.to_vec(), value.to_vec())
    };
    (0..buffer.len()).map(row).collect()
}

fn row(partition: u32, key: &str, value: &str) -> Row {
    (
        partition,
        key.as_bytes().to_vec(),
        value.as_bytes().to_vec(),
    )
}

fn filled(rows: &[Row]) -> SortBuffer {
    let mut buffer = SortBuffer::new(1 << 20, false);
    for (partition, key, value) in rows {
        assert!(
            buffer.insert(*partition, key, value),
            "there is room for it"
        );
    }
    buffer
}

fn what_goes_in_comes_out() {
    let given = [row(0, "key", "value"), row(0, "", ""), row(0, "k", "")];
    assert_eq!(
        rows(&filled(&given)),
        given,
        "before it is sorted, in the order of arrival"
    );
}

fn partitions_come_first_and_keys_second() {
    let mut buffer = filled(&[
        row(1, "a", "1"),
        row(0, "b", "2"),
        row(1, "A", "3"),
        row(0, "a", "4"),
    ]);
    buffer.sort();
    let expected = [
        row(0, "a", "4"),
        row(0, "b", "2"),
        row(1, "A", "3"),
        row(1, "a", "1"),
    ];
    assert_eq!(
        rows(&buffer),
        expected,
        "each partition is a segment of its own"
    );
}

fn keys_that_begin_alike_are_told_apart() {
    let keys = [
        "12345678",
        "123456789",
        "1234567",
        "12345678z",
        "12345678a",
        "1",
        "",
        "1\u{0}",
    ];
    let mut given: Vec<Row> = keys.iter().map(|key| row(0, key, "")).collect();
    let mut buffer = filled(&given);
    buffer.sort();
    given.sort();
    assert_eq!(
        rows(&buffer),
        given,
        "the first eight bytes do not say everything"
    );
}

fn pairs_of_one_key_stay_in_their_order() {
    let given: Vec<Row> = (0..1000).map(|i| row(i % 3, "k", &i.to_string())).collect();
    let mut buffer = filled(&given);
    buffer.sort();
    let mut expected = given;
    expected.sort_by_key(|(partition, ..)| *partition);
    assert_eq!(
        rows(&buffer),
        expected,
        "a job's output is the same in each run"
    );
}

fn the_budget_is_kept() {
    let budget = 10_000;
    let mut buffer = SortBuffer::new(budget, false);
    while buffer.insert(0, b"some key", b"some value") {
        assert!(
            buffer.used() <= budget,
            "{} of {budget} bytes are taken",
            buffer.used()
        );
        assert!(buffer.len() < 10_000, "it is never full");
    }
    assert!(
        buffer.used() > budget - 100,
        "it was full with {} of {budget} bytes",
        buffer.used()
    );
    // A pair of 18 bytes, two lengths, an entry of the index.
    assert_eq!(
        buffer.len(),
        budget / (18 + 8 + 16),
        "that many pairs have room"
    );
}

fn a_pair_that_does_not_fit_changes_nothing() {
    let mut buffer = SortBuffer::new(200, false);
    assert!(buffer.insert(0, b"a", &[1; 100]), "the first one has room");
    let used = buffer.used();
    assert!(
        !buffer.insert(0, b"b", &[2; 100]),
        "the second one has none"
    );
    assert_eq!(
        (buffer.len(), buffer.used()),
        (1, used),
        "the caller spills, and tries again"
    );
    assert!(
        buffer.insert(0, b"c", &[3; 10]),
        "a smaller one has room still"
    );
    assert_eq!(
        rows(&buffer)[1],
        (0, b"c".to_vec(), vec![3; 10]),
        "right behind the first one"
    );
}

fn a_spilled_buffer_is_as_good_as_new() {
    let mut buffer = SortBuffer::new(500, false);
    for round in 0..50 {
        let mut count = 0;
        while buffer.insert(round, b"key", b"value") {
            count += 1;
        }
        assert_eq!(
            count,
            500 / (8 + 8 + 16),
            "in round {round} as in the first one"
        );
        buffer.sort();
        assert!(
            rows(&buffer)
                .iter()
                .all(|(partition, ..)| *partition == round)
        );
        buffer.clear();
        assert_eq!(
            (buffer.len(), buffer.used()),
            (0, 0),
            "nothing is left of what was spilled"
        );
    }
}

proptest! {
    #![proptest_config(autograder::property(100))]

    fn sorting_is_that_of_the_standard_library(
        given in prop::collection::vec(
            (0_u32..3, prop::collection::vec(0_u8..3, 0..12), prop::collection::vec(any::<u8>(), 0..4)),
            0..200,
        ),
    ) {
        let mut buffer = filled(&given);
        buffer.sort();
        let mut expected = given;
        expected.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        assert_eq!(rows(&buffer), expected, "by partition, then by key, else as they came");
    }
}
