//! Compaction, second step: what of a batch survives.

use autograder::{Test, tests};
use mini_kafka::log::cleaner::survivors;
use mini_kafka::record::batch::BatchHeader;
use mini_kafka::record::framing::Record;

use crate::bytes::header;

pub(crate) const TESTS: &[Test] = tests![
    what_is_not_obsolete_stays_where_it_is,
    a_batch_of_which_nothing_stays_goes,
    a_record_without_a_key_goes,
    the_header_counts_what_stays,
    a_tombstone_gets_its_horizon,
    records_keep_their_timestamps_when_the_horizon_comes,
    a_tombstone_stays_until_its_horizon,
    a_horizon_is_set_once,
    the_last_batch_of_a_producer_stays_without_records,
    the_time_of_appending_stays,
];

/// A record at this offset delta, 10 ms later for each; without a value it is a tombstone.
fn record(delta: i32, key: &'static str, value: Option<&'static str>) -> Record<'static> {
    Record {
        timestamp_delta: i64::from(delta) * 10,
        offset_delta: delta,
        key: Some(key.as_bytes()),
        value: value.map(str::as_bytes),
        headers: Vec::new(),
    }
}

/// Records with keys a, b, c, d at offsets 50 to 53, and times 100 to 130; c is a tombstone.
fn four() -> (BatchHeader, Vec<Record<'static>>) {
    let mut header = header(50, 4);
    header.max_timestamp = 130;
    let records = vec![
        record(0, "a", Some("1")),
        record(1, "b", Some("2")),
        record(2, "c", None),
        record(3, "d", Some("4")),
    ];
    (header, records)
}

/// A pass at 1000 ms with a retention of 500 ms, after which the keys are obsolete.
fn pass(
    header: &BatchHeader,
    records: &[Record<'static>],
    obsolete: &[&str],
) -> Option<(BatchHeader, Vec<Record<'static>>)> {
    let is_obsolete =
        |key: &[u8], _: i64| obsolete.iter().any(|obsolete| obsolete.as_bytes() == key);
    survivors(header, records, &is_obsolete, false, 1000, 500)
}

fn keys(records: &[Record<'_>]) -> Vec<String> {
    let key =
        |record: &Record<'_>| String::from_utf8_lossy(record.key.unwrap_or(b"-")).into_owned();
    records.iter().map(key).collect()
}

fn what_is_not_obsolete_stays_where_it_is() {
    let (header, records) = four();
    let is_obsolete = |key: &[u8], offset: i64| {
        assert_eq!(
            offset,
            50 + i64::from(key[0] - b'a'),
            "the offset that is asked for, of key {}",
            char::from(key[0])
        );
        key == b"b"
    };
    let (new, kept) =
        survivors(&header, &records, &is_obsolete, false, 1000, 500).expect("three records stay");
    assert_eq!(keys(&kept), ["a", "c", "d"], "b is obsolete");
    let offsets: Vec<i64> = kept.iter().map(|record| new.offset_of(record)).collect();
    assert_eq!(offsets, [50, 52, 53], "offsets never change");
    assert_eq!(
        (new.base_offset, new.last_offset()),
        (50, 53),
        "nor does what the batch says of its own, though its ends may go"
    );
    let (new, kept) = pass(&header, &records, &["a", "d"]).expect("two records stay");
    assert_eq!(
        (new.base_offset, new.last_offset(), keys(&kept)),
        (50, 53, vec!["b".into(), "c".into()]),
        "without its first and its last record"
    );
}

fn a_batch_of_which_nothing_stays_goes() {
    let (header, records) = four();
    assert_eq!(
        pass(&header, &records, &["a", "b", "c", "d"]),
        None,
        "all are obsolete"
    );
}

fn a_record_without_a_key_goes() {
    let (header, mut records) = four();
    records[1].key = None;
    let (_, kept) = pass(&header, &records, &[]).expect("three records stay");
    assert_eq!(
        keys(&kept),
        ["a", "c", "d"],
        "compaction goes by keys; who has none is of no use"
    );
}

fn the_header_counts_what_stays() {
    let (header, records) = four();
    let (new, _) = pass(&header, &records, &["b", "d"]).expect("two records stay");
    assert_eq!(new.record_count, 2, "a and c stay");
    assert_eq!(
        new.max_timestamp, 120,
        "the highest timestamp of what stays"
    );
    let (new, _) = pass(&header, &records, &["c"]).expect("three records stay");
    assert_eq!(
        (new.attributes, new.base_timestamp),
        (header.attributes, header.base_timestamp),
        "without a tombstone there is no horizon"
    );
}

fn a_tombstone_gets_its_horizon() {
    let (header, records) = four();
    assert_eq!(header.delete_horizon(), None);
    let (new, _) = pass(&header, &records, &["b"]).expect("three records stay");
    assert_eq!(
        new.delete_horizon(),
        Some(1500),
        "this pass, at 1000 ms, is the first that meets the tombstone, and 500 ms is its time"
    );
    let (new, _) = pass(&header, &records, &[]).expect("all records stay");
    assert_eq!(
        new.delete_horizon(),
        Some(1500),
        "also where nothing else is to be changed"
    );
}

fn records_keep_their_timestamps_when_the_horizon_comes() {
    let (header, records) = four();
    let (new, kept) = pass(&header, &records, &["b"]).expect("three records stay");
    let timestamps: Vec<i64> = kept.iter().map(|record| new.timestamp_of(record)).collect();
    assert_eq!(
        timestamps,
        [100, 120, 130],
        "the horizon stands where the base timestamp was, to which the deltas are"
    );
    assert_eq!(
        new.max_timestamp, 130,
        "the horizon is no timestamp of a record"
    );
}

fn with_horizon(horizon: i64) -> (BatchHeader, Vec<Record<'static>>) {
    let (mut header, mut records) = four();
    header.set_delete_horizon(horizon);
    for record in &mut records {
        record.timestamp_delta += 100 - horizon;
    }
    (header, records)
}

fn a_tombstone_stays_until_its_horizon() {
    for (horizon, expected) in [
        (1001, vec!["a", "b", "c", "d"]),
        (1000, vec!["a", "b", "d"]),
        (5, vec!["a", "b", "d"]),
    ] {
        let (header, records) = with_horizon(horizon);
        let (_, kept) = pass(&header, &records, &[]).expect("something stays");
        assert_eq!(
            keys(&kept),
            expected,
            "now is 1000 ms, the horizon {horizon} ms"
        );
    }
}

fn a_horizon_is_set_once() {
    let (header, records) = with_horizon(1200);
    let (new, kept) = pass(&header, &records, &["a"]).expect("three records stay");
    assert_eq!(
        new.delete_horizon(),
        Some(1200),
        "the time counts from the first pass: were it set anew by each, the tombstone would never go"
    );
    let timestamps: Vec<i64> = kept.iter().map(|record| new.timestamp_of(record)).collect();
    assert_eq!(timestamps, [110, 120, 130], "timestamps stay");
}

fn the_last_batch_of_a_producer_stays_without_records() {
    let (mut header, records) = four();
    (
        header.producer_id,
        header.producer_epoch,
        header.base_sequence,
    ) = (7, 1, 30);
    let everything = |_: &[u8], _: i64| true;
    let (new, kept) = survivors(&header, &records, &everything, true, 1000, 500)
        .expect("the producer's sequence has to survive");
    assert_eq!(kept, [], "all are obsolete");
    assert_eq!(
        (
            new.producer_id,
            new.producer_epoch,
            new.base_sequence,
            new.last_sequence()
        ),
        (7, 1, 30, 33),
        "whose batch it was"
    );
    assert_eq!(
        (new.record_count, new.last_offset(), new.max_timestamp),
        (0, 53, 130),
        "count, last offset, timestamp"
    );
    assert_eq!(new.delete_horizon(), None, "there is no tombstone any more");
}

fn the_time_of_appending_stays() {
    let (mut header, records) = four();
    header.attributes |= 8;
    header.max_timestamp = 777;
    let (new, kept) = pass(&header, &records, &["d"]).expect("three records stay");
    assert_eq!(
        new.max_timestamp, 777,
        "all records have the time of appending"
    );
    let timestamps: Vec<i64> = kept.iter().map(|record| new.timestamp_of(record)).collect();
    assert_eq!(timestamps, [777, 777, 777], "and keep it");
}
