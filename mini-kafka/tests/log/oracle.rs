//! Our batches against those of another implementation, the crate `kafka-protocol`: what one writes the other reads.

use std::io::Cursor;

use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression as TheirCompression, Record as TheirRecord, RecordBatchDecoder, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};
use mini_kafka::record::batch::RecordBatch;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use mini_kafka::record::framing::Header;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Timestamp, key, value, headers.
type Given = (
    i64,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Vec<(String, Option<Vec<u8>>)>,
);

fn given() -> impl Strategy<Value = Vec<Given>> {
    let bytes = || option::of(vec(any::<u8>(), 0..300));
    let headers =
        proptest::collection::btree_map("[a-zé]{0,5}", option::of(vec(any::<u8>(), 0..9)), 0..4);
    let headers = headers.prop_map(|map| map.into_iter().collect::<Vec<_>>());
    vec((0i64..1 << 45, bytes(), bytes(), headers), 1..20)
}

fn ours(records: &[Given]) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Compression::None).producer(7, 3, 40);
    for (timestamp, key, value, headers) in records {
        let headers: Vec<Header<'_>> = (headers.iter())
            .map(|(key, value)| Header {
                key,
                value: value.as_deref(),
            })
            .collect();
        builder.push(*timestamp, key.as_deref(), value.as_deref(), &headers);
    }
    builder.build().unwrap()
}

fn theirs(records: &[Given]) -> Vec<TheirRecord> {
    (0i64..)
        .zip(records)
        .map(|(offset, (timestamp, key, value, headers))| TheirRecord {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: -1,
            producer_id: 7,
            producer_epoch: 3,
            timestamp_type: TimestampType::Creation,
            offset,
            sequence: 40 + i32::try_from(offset).unwrap(),
            timestamp: *timestamp,
            key: key.clone().map(Into::into),
            value: value.clone().map(Into::into),
            headers: (headers.iter())
                .map(|(key, value)| {
                    (
                        StrBytes::from_string(key.clone()),
                        value.clone().map(Into::into),
                    )
                })
                .collect::<IndexMap<_, _>>(),
        })
        .collect()
}

proptest! {
    #[test]
    fn they_read_what_we_write(records in given()) {
        let decoded = RecordBatchDecoder::decode(&mut Cursor::new(ours(&records))).unwrap();
        prop_assert_eq!(decoded.records, theirs(&records));
    }

    #[test]
    fn we_read_what_they_write(records in given()) {
        let mut bytes = Vec::new();
        let options = RecordEncodeOptions {
            version: 2,
            compression: TheirCompression::None,
        };
        RecordBatchEncoder::encode(&mut bytes, &theirs(&records), &options).unwrap();
        let batch = RecordBatch::parse(&bytes).unwrap();
        prop_assert_eq!(batch.bytes().len(), bytes.len());
        batch.check_crc().unwrap();
        prop_assert_eq!(batch.header.producer_id, 7);
        prop_assert_eq!(batch.header.base_sequence, 40);
        let payload = batch.payload().unwrap();
        let read: Vec<Given> = (payload.records())
            .map(|record| {
                let record = record.unwrap();
                let headers = (record.headers.iter())
                    .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
                    .collect();
                let own = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
                (batch.header.timestamp_of(&record), own(record.key), own(record.value), headers)
            })
            .collect();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in vec(any::<u8>(), 0..200), records in given(), at in any::<usize>(), flip in 1u8..) {
        let walk = |bytes: &[u8]| {
            if let Ok(batch) = RecordBatch::parse(bytes) && let Ok(payload) = batch.payload() {
                payload.records().count();
            }
        };
        walk(&bytes);
        bytes = ours(&records);
        let at = at % bytes.len();
        bytes[at] ^= flip;
        walk(&bytes);
        let found = RecordBatch::parse(&bytes).and_then(|batch| batch.check_crc());
        // What the broker stamps is not covered; all else is, or makes it no batch at all.
        prop_assert!(found.is_err() || (0..8).contains(&at) || (12..16).contains(&at), "a flip at {}", at);
    }
}
