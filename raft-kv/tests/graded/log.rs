//! What of a segment is good, what was torn off, and what is damage.

use autograder::{Test, tests};
use raft_kv::wal::record::{Record, encode, scan};
use raft_kv::wal::{Position, record::Start};

pub(crate) const TESTS: &[Test] = tests![
    an_empty_segment_holds_nothing,
    a_whole_segment_is_read_to_its_end,
    a_tail_may_be_torn_anywhere,
    a_flush_may_be_torn_in_its_middle,
    what_was_durable_must_be_good,
    the_length_may_be_what_is_bad,
    a_record_must_have_the_next_number,
    rubbish_at_the_end_is_a_torn_tail,
];

/// Records from number 5 on: for each, up to where all were durable when it was written.
fn segment(durable: &[u64]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut begins) = (Vec::new(), Vec::new());
    for (number, durable) in (5..).zip(durable) {
        begins.push(bytes.len());
        let record = if number == 5 {
            Record::Start(Start::default())
        } else {
            Record::Entry(Position {
                term: 1,
                index: number,
            })
        };
        encode(number, *durable, &record, b"payload", &mut bytes);
    }
    begins.push(bytes.len());
    (bytes, begins)
}

/// Two flushes: records 5 to 7, then 8 to 10.
fn two_flushes() -> (Vec<u8>, Vec<usize>) {
    segment(&[4, 4, 4, 7, 7, 7])
}

fn an_empty_segment_holds_nothing() {
    let found = scan(&[], 5).unwrap();
    assert_eq!(
        (found.frames.len(), found.good_len, found.torn),
        (0, 0, None),
        "no bytes"
    );
}

fn a_whole_segment_is_read_to_its_end() {
    let (bytes, begins) = two_flushes();
    let found = scan(&bytes, 5).unwrap();
    let frames: Vec<_> = found
        .frames
        .iter()
        .map(|(at, frame)| (*at, frame.number))
        .collect();
    let expected: Vec<_> = begins.iter().copied().zip(5..11).collect();
    assert_eq!(frames, expected, "where each record begins, and its number");
    assert_eq!(
        (found.good_len, found.torn),
        (bytes.len(), None),
        "nothing is torn"
    );
}

fn a_tail_may_be_torn_anywhere() {
    let (bytes, begins) = two_flushes();
    for len in begins[3]..bytes.len() {
        let found = scan(&bytes[..len], 5).unwrap();
        let whole = begins.iter().rfind(|begin| **begin <= len).unwrap();
        assert_eq!(
            found.good_len, *whole,
            "the segment is cut off after {len} bytes"
        );
        assert_eq!(
            found.torn.is_some(),
            *whole != len,
            "cut off after {len} bytes: is a record torn?"
        );
    }
}

fn a_flush_may_be_torn_in_its_middle() {
    let (mut bytes, begins) = two_flushes();
    // Of one write the end may reach the disk without its beginning.
    bytes[begins[3]..begins[4]].fill(0);
    let found = scan(&bytes, 5).expect("records 9 and 10 do not say that 8 had been durable");
    assert_eq!(
        (found.frames.len(), found.good_len),
        (3, begins[3]),
        "records 5 to 7 are good"
    );
    assert!(found.torn.is_some(), "the rest is a torn tail");
}

fn what_was_durable_must_be_good() {
    let (bytes, begins) = two_flushes();
    for bad in 0..3 {
        let mut bytes = bytes.clone();
        bytes[begins[bad + 1] - 6] ^= 1;
        let damage = scan(&bytes, 5).expect_err("record 8 says that all up to 7 had been durable");
        assert_eq!(damage.offset, begins[bad], "where the bad record begins");
    }
}

fn the_length_may_be_what_is_bad() {
    let (bytes, begins) = two_flushes();
    for (byte, value) in [(0, 0xff), (2, 1), (3, 1), (3, 200)] {
        let mut bytes = bytes.clone();
        bytes[begins[1] + byte] ^= value;
        let damage = scan(&bytes, 5)
            .expect_err("record 8 says that 6, whose length is bad, had been durable");
        assert_eq!(damage.offset, begins[1], "where the bad record begins");
    }
}

fn a_record_must_have_the_next_number() {
    let (bytes, begins) = two_flushes();
    // A whole record is missing: its neighbours are good.
    let without = |at: usize| [&bytes[..begins[at]], &bytes[begins[at + 1]..]].concat();
    let damage =
        scan(&without(1), 5).expect_err("6 is missing, and 8 says that it had been durable");
    assert_eq!(damage.offset, begins[1], "7 stands where 6 should");
    let torn = without(4);
    let found = scan(&torn, 5).expect("9 is missing, and nothing says that it had been durable");
    assert_eq!(
        (found.good_len, found.torn.is_some()),
        (begins[4], true),
        "10 stands where 9 should"
    );
}

fn rubbish_at_the_end_is_a_torn_tail() {
    let (bytes, begins) = segment(&[4, 4, 4]);
    for rubbish in [&[0; 100][..], &[0xff; 100], &bytes[begins[1]..begins[2]]] {
        let all = [&bytes[..], rubbish].concat();
        let found = scan(&all, 5).expect("nothing was promised of it");
        assert_eq!(
            (found.good_len, found.torn.is_some()),
            (bytes.len(), true),
            "3 records, then rubbish"
        );
    }
}
