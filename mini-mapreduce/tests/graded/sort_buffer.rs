//! The map's sort buffer.

use autograder::{Test, tests};
use mini_mapreduce::buffer::SortBuffer;
use mini_mapreduce::job::RecordError;
use mini_mapreduce::program::RawFold;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    what_goes_in_comes_out,
    partitions_come_first_and_keys_second,
    keys_that_begin_alike_are_told_apart,
    pairs_of_one_key_stay_in_their_order,
    the_budget_is_kept,
    a_pair_that_does_not_fit_changes_nothing,
    a_spilled_buffer_is_as_good_as_new,
    a_value_that_is_folded_has_room_to_grow,
    the_budget_holds_for_the_table_too,
    sorting_a_buffer_that_folds_is_no_different,
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

/// Puts one behind the other.
struct Chain;

impl RawFold for Chain {
    fn fold(&self, left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        out.extend_from_slice(left);
        out.extend_from_slice(right);
        Ok(())
    }
}

fn fold(buffer: &mut SortBuffer, partition: u32, key: &[u8], value: &[u8]) -> bool {
    buffer.fold(&Chain, key, value, &|| partition).unwrap()
}

fn a_value_that_is_folded_has_room_to_grow() {
    let mut buffer = SortBuffer::new(1 << 16, true);
    for key in [b"a", b"b", b"c"] {
        assert!(fold(&mut buffer, 0, key, b"-"), "there is room for it");
    }
    let used = buffer.used();
    for _ in 0..7 {
        assert!(fold(&mut buffer, 0, b"a", b"+"), "there is room for it");
    }
    assert_eq!(
        rows(&buffer),
        [row(0, "a", "-+++++++"), row(0, "b", "-"), row(0, "c", "-")],
        "a's value has grown to eight bytes where it was, and b's and c's have not been touched"
    );
    assert_eq!(
        buffer.used(),
        used,
        "eight bytes are the least room that a value gets which may grow"
    );
    assert!(fold(&mut buffer, 0, b"a", b"+"), "there is room for it");
    assert_eq!(
        (rows(&buffer)[0].clone(), buffer.used()),
        (row(0, "a", "-++++++++"), used + 8 + 1 + 16),
        "with nine bytes it moves to a new place with 16: two lengths, the key, the room"
    );
}

fn the_budget_holds_for_the_table_too() {
    for budget in [1000, 1500, 6000, 33_333] {
        let mut buffer = SortBuffer::new(budget, true);
        let empty = buffer.used();
        assert!(
            empty > 0,
            "a table of keys takes bytes before anything is in it"
        );
        let mut pairs = 0_u32;
        while fold(&mut buffer, 0, &pairs.to_be_bytes(), b"value") {
            pairs += 1;
            assert!(
                buffer.used() <= budget,
                "{} of {budget} bytes are taken by {pairs} pairs and their table",
                buffer.used()
            );
        }
        let used = buffer.used();
        // A pair takes 4 bytes of key, 8 of room, two lengths, an entry; and another one would have made the table twice as large.
        let pair = 4 + 8 + 8 + 16;
        let table = used - usize::try_from(pairs).unwrap() * pair;
        assert!(
            used + pair > budget || used + pair + table > budget,
            "it was full with {used} of {budget} bytes, of which {table} are the table's"
        );
        let before = rows(&buffer);
        assert!(
            !buffer.insert(0, b"more", b"value"),
            "it is as full for a pair that comes without being folded"
        );
        assert_eq!(
            (rows(&buffer), buffer.used()),
            (before, used),
            "what is refused changes nothing"
        );
        buffer.clear();
        assert_eq!(buffer.len(), 0, "nothing is left of what was spilled");
        assert!(
            fold(&mut buffer, 0, b"key", b"value"),
            "after a spill there is room again"
        );
    }
}

fn sorting_a_buffer_that_folds_is_no_different() {
    let mut buffer = SortBuffer::new(1 << 20, true);
    let mut expected = std::collections::BTreeMap::new();
    for i in 0..3000_u32 {
        let (key, value) = (i * i % 701, i % 10);
        let (key, value) = (key.to_string(), value.to_string());
        let partition = u32::try_from(key.len() % 3).unwrap();
        assert!(
            fold(&mut buffer, partition, key.as_bytes(), value.as_bytes()),
            "there is room for it"
        );
        let whole: &mut String = expected.entry((partition, key)).or_default();
        whole.push_str(&value);
    }
    buffer.sort();
    let expected: Vec<Row> = (expected.iter())
        .map(|((partition, key), whole)| row(*partition, key, whole))
        .collect();
    assert_eq!(
        rows(&buffer),
        expected,
        "each key once, with all its values in the order in which they came"
    );
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
