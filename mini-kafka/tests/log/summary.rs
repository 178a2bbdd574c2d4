//! The leader's quick look takes what the walk over records takes, and tells the same of it.

use mini_kafka::record::batch::{BatchHeader, RecordBatch};
use mini_kafka::record::builder::{BatchBuilder, encode};
use mini_kafka::record::compression::Compression;
use mini_kafka::record::summary::Summary;
use mini_kafka::record::varint::put_varlong;
use proptest::collection::vec;
use proptest::prelude::*;

/// The same, from the records.
fn from_records(batch: &RecordBatch<'_>) -> Option<Summary> {
    let mut summary = Summary {
        timestamp_delta_min: i64::MAX,
        timestamp_delta_max: i64::MIN,
        keyed: true,
    };
    for (offset_delta, record) in (0..).zip(batch.payload().unwrap().records()) {
        let record = record.ok().filter(|r| r.offset_delta == offset_delta)?;
        let delta = record.timestamp_delta;
        summary.timestamp_delta_min = summary.timestamp_delta_min.min(delta);
        summary.timestamp_delta_max = summary.timestamp_delta_max.max(delta);
        summary.keyed &= record.key.is_some();
    }
    Some(summary)
}

/// Both, of a batch with these bytes behind its header.
fn both(records: &[u8], record_count: i32) -> (Option<Summary>, Option<Summary>) {
    let empty = BatchBuilder::new(Compression::None).build().unwrap();
    let header = BatchHeader::read(&empty).unwrap();
    let header = BatchHeader {
        record_count,
        ..header
    };
    let bytes = encode(header, records).unwrap();
    let batch = RecordBatch::parse(&bytes).unwrap();
    (batch.payload().unwrap().summary(), from_records(&batch))
}

/// A number, and by how many bytes it is longer than it has to be.
fn put(value: i64, padding: usize, out: &mut Vec<u8>) {
    put_varlong(value, out);
    for _ in 0..padding {
        *out.last_mut().unwrap() |= 0x80;
        out.push(0);
    }
}

/// A length that is not always right, and bytes.
type Piece = (i64, Vec<u8>);

fn piece() -> impl Strategy<Value = Piece> {
    let wrong = prop_oneof![40 => Just(0i64), 1 => -3i64..3, 1 => any::<i64>()];
    let bytes = prop_oneof![8 => vec(any::<u8>(), 0..9), 1 => vec(b'a'..=b'z', 60..200), 1 => Just(vec![b'x'; 9000])];
    let null = prop_oneof![9 => Just(false), 1 => Just(true)];
    (wrong, bytes, null).prop_map(|(wrong, bytes, null)| match null {
        true => (-1, Vec::new()),
        false => (wrong.saturating_add(bytes.len() as i64), bytes),
    })
}

#[derive(Clone, Debug)]
struct Given {
    timestamp_delta: i64,
    offset_is_off: i64,
    key: Piece,
    value: Piece,
    headers: Vec<(Piece, Piece)>,
    count_is_off: i64,
    length_is_off: i64,
    padding: usize,
}

fn given() -> impl Strategy<Value = Vec<Given>> {
    let seldom = || prop_oneof![60 => Just(0i64), 1 => -2i64..2, 1 => any::<i64>()];
    let delta = prop_oneof![4 => -70i64..70, 2 => -9000i64..9000, 1 => any::<i64>()];
    let name = prop_oneof![9 => "[a-zé]{0,5}".prop_map(|name| (name.len() as i64, name.into_bytes())), 1 => piece()];
    let headers = vec((name, piece()), 0..3);
    let padding = prop_oneof![9 => Just(0usize), 1 => 0usize..11];
    let fields = (
        delta,
        seldom(),
        piece(),
        piece(),
        headers,
        seldom(),
        seldom(),
        padding,
    );
    // In the order of `fields`.
    let given = fields.prop_map(|given| Given {
        timestamp_delta: given.0,
        offset_is_off: given.1,
        key: given.2,
        value: given.3,
        headers: given.4,
        count_is_off: given.5,
        length_is_off: given.6,
        padding: given.7,
    });
    vec(given, 0..5)
}

fn written(records: &[Given]) -> Vec<u8> {
    let mut out = Vec::new();
    for (offset, record) in (0i64..).zip(records) {
        let mut body = vec![0];
        put(record.timestamp_delta, 0, &mut body);
        put(
            record.offset_is_off.wrapping_add(offset),
            record.padding,
            &mut body,
        );
        let mut put_piece = |(len, bytes): &Piece| {
            put(*len, 0, &mut body);
            body.extend_from_slice(bytes);
        };
        put_piece(&record.key);
        put_piece(&record.value);
        let count = record
            .count_is_off
            .wrapping_add(record.headers.len() as i64);
        put_piece(&(count, Vec::new()));
        for (name, value) in &record.headers {
            put_piece(name);
            put_piece(value);
        }
        put(
            record.length_is_off.wrapping_add(body.len() as i64),
            record.padding,
            &mut out,
        );
        out.extend(body);
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn it_agrees_with_the_walk_over_records(records in given(), cut in 0usize..400, flips in vec((any::<usize>(), any::<u8>()), 0..3), miscounted in -1i32..2) {
        let mut bytes = written(&records);
        let count = i32::try_from(records.len()).unwrap();
        let (quick, slow) = both(&bytes, count);
        prop_assert_eq!(quick, slow);
        let (quick, slow) = both(&bytes, (count + miscounted).max(0));
        prop_assert_eq!(quick, slow);
        let (quick, slow) = both(&bytes[..bytes.len().saturating_sub(cut)], count);
        prop_assert_eq!(quick, slow);
        for (at, byte) in flips.into_iter().filter(|_| !records.is_empty()) {
            let at = at % bytes.len();
            bytes[at] = byte;
            let (quick, slow) = both(&bytes, count);
            prop_assert_eq!(quick, slow);
        }
    }
}

#[test]
fn what_is_told_of_good_records() {
    let told = |records: &[(i64, Option<&[u8]>)]| {
        let mut builder = BatchBuilder::new(Compression::Lz4);
        for (timestamp, key) in records {
            builder.push(*timestamp, *key, None, &[]);
        }
        let bytes = builder.build().unwrap();
        let batch = RecordBatch::parse(&bytes).unwrap();
        let summary = batch.payload().unwrap().summary().unwrap();
        let (min, max) = (summary.timestamp_delta_min, summary.timestamp_delta_max);
        (min, max, summary.keyed)
    };
    assert_eq!(told(&[(1000, Some(b""))]), (0, 0, true));
    let unordered = [(1000, Some(&b"k"[..])), (1 << 40, None), (-5, Some(b"k"))];
    assert_eq!(told(&unordered), (-1005, (1 << 40) - 1000, false));
}
