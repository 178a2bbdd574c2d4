//! Which lines belong to a split.

use autograder::{Test, tests};
use mini_mapreduce::input::lines::{LineEnd, LineReader, is_ours, line_end, read_from};
use mini_mapreduce::job::Split;
use mini_mapreduce::memory::MemoryFiles;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    a_line_ends_with_its_feed,
    a_carriage_return_before_the_feed_is_no_text,
    without_a_feed_there_is_more_to_read,
    the_last_line_needs_no_feed,
    what_was_searched_is_not_searched_again,
    a_line_belongs_to_the_split_of_its_first_byte,
    a_split_that_begins_with_a_line_has_that_line,
    a_line_longer_than_splits_is_there_once,
    each_line_is_in_one_split,
];

fn end(text: usize, whole: usize) -> Option<LineEnd> {
    Some(LineEnd { text, whole })
}

fn a_line_ends_with_its_feed() {
    let lines = b"one\ntwo\n";
    assert_eq!(
        line_end(lines, 0, false),
        end(3, 4),
        "three bytes of text, and the feed"
    );
    assert_eq!(
        line_end(b"\nx", 0, false),
        end(0, 1),
        "an empty line is a line"
    );
}

fn a_carriage_return_before_the_feed_is_no_text() {
    assert_eq!(
        line_end(b"one\r\ntwo", 0, false),
        end(3, 5),
        "CR and LF are one end"
    );
    assert_eq!(
        line_end(b"a\rb\n", 0, false),
        end(3, 4),
        "a CR within a line is text"
    );
    assert_eq!(
        line_end(b"a\r\r\n", 0, false),
        end(2, 4),
        "one CR belongs to the end, not two"
    );
}

fn without_a_feed_there_is_more_to_read() {
    assert_eq!(
        line_end(b"half a li", 0, false),
        None,
        "the rest has not been read yet"
    );
    assert_eq!(
        line_end(b"half\r", 0, false),
        None,
        "nor has the feed behind a CR"
    );
    assert_eq!(line_end(b"", 0, false), None, "nothing has been read");
}

fn the_last_line_needs_no_feed() {
    assert_eq!(
        line_end(b"last", 0, true),
        end(4, 4),
        "the file ends, and so does the line"
    );
    assert_eq!(
        line_end(b"last\r", 0, true),
        end(4, 5),
        "a CR at the very end is no text either"
    );
    assert_eq!(
        line_end(b"", 0, true),
        None,
        "behind the last feed there is no line"
    );
    assert_eq!(line_end(b"a\nb", 0, true), end(1, 2), "one line at a time");
}

fn what_was_searched_is_not_searched_again() {
    let long = vec![b'x'; 50_000_000];
    for _ in 0..2_000 {
        let found = line_end(&long, long.len() - 1, false);
        assert_eq!(found, None, "all but the last byte was searched before");
    }
    assert_eq!(
        line_end(b"abc\n", 3, false),
        end(3, 4),
        "the text is counted from the line's begin"
    );
    assert_eq!(
        line_end(b"abc\r\n", 4, false),
        end(3, 5),
        "the CR was searched before, and is no text all the same"
    );
}

fn a_line_belongs_to_the_split_of_its_first_byte() {
    assert!(is_ours(99, 100), "its first byte is the split's last one");
    assert!(
        !is_ours(100, 100),
        "its first byte is the next split's first one"
    );
    assert!(!is_ours(101, 100));
}

/// The lines that a split's reader hands out.
fn lines(text: &[u8], offset: u64, length: u64) -> Vec<String> {
    let mut files = MemoryFiles::new(1 << 20);
    files.put("f", text);
    let split = Split {
        path: "f".to_owned(),
        offset,
        length,
        hosts: Vec::new(),
        racks: Vec::new(),
    };
    let mut reader = LineReader::open(&split, 1 << 30, &files).unwrap();
    let mut lines = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        lines.push(String::from_utf8_lossy(record.value).into_owned());
    }
    lines
}

fn a_split_that_begins_with_a_line_has_that_line() {
    assert_eq!(read_from(0), 0, "there is nothing before the file's begin");
    let text = b"one\ntwo\nthree\n";
    assert_eq!(lines(text, 0, 4), ["one"], "`two` begins behind the split");
    assert_eq!(
        lines(text, 4, 4),
        ["two"],
        "the split begins where the line does"
    );
    assert_eq!(lines(text, 5, 4), ["three"], "`two` began before the split");
    assert_eq!(
        lines(text, 9, 5),
        [""; 0],
        "in the midst of `three`, and nothing begins"
    );
    assert_eq!(
        lines(b"\n\n\n", 1, 1),
        [""],
        "the second of three empty lines"
    );
}

fn a_line_longer_than_splits_is_there_once() {
    let mut text = vec![b'x'; 1_000_000];
    text.extend_from_slice(b"\nshort");
    let found: Vec<usize> = (0..11)
        .map(|i| lines(&text, i * 100_000, 100_000).len())
        .collect();
    assert_eq!(
        found,
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        "how many lines each split has"
    );
}

proptest! {
    #![proptest_config(autograder::property(200))]

    fn each_line_is_in_one_split(
        text in prop::collection::vec(
            prop_oneof![Just(b'a'), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..60
        ),
        size in 1_u64..20,
    ) {
        let mut expected = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            expected.push(String::from_utf8_lossy(line).into_owned());
        }
        let mut found = Vec::new();
        let mut offset = 0;
        while offset < text.len() as u64 {
            found.extend(lines(&text, offset, size));
            offset += size;
        }
        assert_eq!(found, expected, "splits of {size} bytes");
    }
}
