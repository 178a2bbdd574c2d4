//! What is old, what is too much, and what must stay.

use autograder::{Test, seeds, tests};
use mini_kafka::log::config::{CleanupPolicy, LogConfig};
use mini_kafka::log::retention::{SegmentFacts, deletable};

pub(crate) const TESTS: &[Test] = tests![
    a_segment_is_as_old_as_its_newest_record,
    the_log_keeps_its_size,
    nothing_is_deleted_over_an_older_one,
    records_before_the_start_go_whatever_the_policy,
    what_was_not_seen_stays,
    no_limit_is_no_limit,
    what_is_left_needs_no_further_pass,
];

/// Four segments of ten records and a hundred bytes; their newest records are of 1000, 2000, 3000 and 4000 ms.
fn four() -> Vec<SegmentFacts> {
    (1..=4)
        .map(|n| SegmentFacts {
            next_offset: n * 10,
            bytes: 100,
            timestamp: n * 1000,
        })
        .collect()
}

fn config(retention_ms: i64, retention_bytes: i64) -> LogConfig {
    LogConfig {
        retention_ms,
        retention_bytes,
        ..LogConfig::default()
    }
}

fn a_segment_is_as_old_as_its_newest_record() {
    for (now, expected) in [(1500, 0), (1501, 1), (2500, 1), (2501, 2), (9999, 4)] {
        assert_eq!(
            deletable(&four(), &config(500, -1), 0, 40, now),
            expected,
            "segments that are older than 500 ms at {now} ms"
        );
    }
}

fn the_log_keeps_its_size() {
    for (limit, expected) in [
        (400, 0),
        (301, 0),
        (300, 1),
        (299, 1),
        (200, 2),
        (100, 3),
        (0, 4),
    ] {
        assert_eq!(
            deletable(&four(), &config(-1, limit), 0, 40, 5000),
            expected,
            "of 400 bytes at least {limit} are to stay"
        );
    }
}

fn nothing_is_deleted_over_an_older_one() {
    let mut segments = four();
    segments[0].timestamp = 99_000;
    assert_eq!(
        deletable(&segments, &config(500, -1), 0, 40, 90_000),
        0,
        "the oldest segment has a record from the future; to delete those behind it would leave a hole"
    );
}

fn records_before_the_start_go_whatever_the_policy() {
    let compact = LogConfig {
        cleanup_policy: CleanupPolicy {
            delete: false,
            compact: true,
        },
        ..config(1, 0)
    };
    for (start, expected) in [(0, 0), (9, 0), (10, 1), (25, 2), (40, 4)] {
        assert_eq!(
            deletable(&four(), &compact, start, 40, 99_000),
            expected,
            "segments whose records are all before {start}; a compacted topic deletes for no other reason"
        );
        assert_eq!(
            deletable(&four(), &config(-1, -1), start, 40, 99_000),
            expected,
            "segments whose records are all before {start}"
        );
    }
}

fn what_was_not_seen_stays() {
    for (high_watermark, expected) in [(0, 0), (19, 1), (20, 2), (40, 4)] {
        assert_eq!(
            deletable(&four(), &config(0, 0), 0, high_watermark, 99_000),
            expected,
            "consumers have seen all before {high_watermark}"
        );
    }
}

fn no_limit_is_no_limit() {
    assert_eq!(
        deletable(&four(), &config(-1, -1), 0, 40, i64::MAX),
        0,
        "-1 is no limit"
    );
    assert_eq!(
        deletable(&[], &config(0, 0), 0, 40, 9),
        0,
        "there is nothing"
    );
    assert_eq!(
        deletable(&four(), &config(i64::MAX, i64::MAX), 0, 40, i64::MAX),
        0,
        "limits beyond all numbers"
    );
}

fn what_is_left_needs_no_further_pass() {
    for mut rng in seeds(200).map(node::Rng::new) {
        let mut small = |bound: u64| i64::try_from(rng.below(bound)).unwrap();
        let count = small(7);
        let segments: Vec<SegmentFacts> = (1..=count)
            .map(|n| SegmentFacts {
                next_offset: n * 10,
                bytes: small(100).cast_unsigned(),
                timestamp: small(50) * 100,
            })
            .collect();
        let config = config(small(4000) - 1, small(400) - 1);
        let (start, high_watermark, now) = (small(70), small(90), small(5000));
        let first = deletable(&segments, &config, start, high_watermark, now);
        assert!(
            first <= segments.len(),
            "{first} of {} segments",
            segments.len()
        );
        let again = deletable(&segments[first..], &config, start, high_watermark, now);
        assert_eq!(
            again, 0,
            "a second pass right behind the first finds nothing: {segments:?}, retention.ms {}, retention.bytes {}",
            config.retention_ms, config.retention_bytes
        );
    }
}
