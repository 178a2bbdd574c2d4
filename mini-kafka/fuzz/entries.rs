//! Where bytes come in that nobody vouches for: from a socket, or from a disk after a crash. Each function takes any bytes, and panics
//! where something is not as it must be. `cargo fuzz` calls them with what it finds; `tests/fuzz.rs` with the corpus and mutations of it.

use kafka_protocol::messages::{self, ApiKey};
use kafka_protocol::protocol::Decodable;
use mini_kafka::group::{Config, Coordinator};
use mini_kafka::log::LogConfig;
use mini_kafka::log::index::{OffsetIndex, TimeIndex};
use mini_kafka::log::validate::validate;
use mini_kafka::partition::Partition;
use mini_kafka::record::batch::{HEADER_BYTES, RecordBatch, batches, seal};
use mini_kafka::record::compression::{Compression, decompress};
use mini_kafka::server::api::read_header;
use node::{Disk, MemDisk, Rng, Time};

/// An entry.
pub(crate) type Entry = fn(&[u8]);

/// All of them, by the names of their targets and corpora.
pub(crate) const ENTRIES: [(&str, Entry); 6] = [
    ("request", request),
    ("record_batch", record_batch),
    ("decompression", decompression),
    ("recovery", recovery),
    ("group_records", group_records),
    ("indexes", indexes),
];

/// A frame from a socket, without its length: its header, its layout, and, where that fits, its body.
pub(crate) fn request(data: &[u8]) {
    let mut frame = bytes::Bytes::copy_from_slice(data);
    let Ok(header) = read_header(&mut frame, "/127.0.0.1") else {
        return;
    };
    if !header.api.serves(header.version) || !header.api.fits(header.version, &frame) {
        return;
    }
    macro_rules! decode {
        ($($key:ident: $request:ident,)*) => {
            match header.api.key {
                $(ApiKey::$key => {
                    // It may refuse it, as text that is no UTF-8.
                    let _ = messages::$request::decode(&mut frame, header.version);
                })*
                other => panic!("{other:?} is served, and is not fuzzed"),
            }
        };
    }
    decode! {
        Produce: ProduceRequest,
        Fetch: FetchRequest,
        ListOffsets: ListOffsetsRequest,
        Metadata: MetadataRequest,
        OffsetCommit: OffsetCommitRequest,
        OffsetFetch: OffsetFetchRequest,
        FindCoordinator: FindCoordinatorRequest,
        JoinGroup: JoinGroupRequest,
        Heartbeat: HeartbeatRequest,
        LeaveGroup: LeaveGroupRequest,
        SyncGroup: SyncGroupRequest,
        DescribeGroups: DescribeGroupsRequest,
        ListGroups: ListGroupsRequest,
        ApiVersions: ApiVersionsRequest,
        CreateTopics: CreateTopicsRequest,
        DeleteTopics: DeleteTopicsRequest,
        DeleteRecords: DeleteRecordsRequest,
        InitProducerId: InitProducerIdRequest,
        OffsetForLeaderEpoch: OffsetForLeaderEpochRequest,
        DescribeConfigs: DescribeConfigsRequest,
        AlterConfigs: AlterConfigsRequest,
        DescribeLogDirs: DescribeLogDirsRequest,
        CreatePartitions: CreatePartitionsRequest,
        DeleteGroups: DeleteGroupsRequest,
        IncrementalAlterConfigs: IncrementalAlterConfigsRequest,
        OffsetDelete: OffsetDeleteRequest,
        ConsumerGroupHeartbeat: ConsumerGroupHeartbeatRequest,
        DescribeAcls: DescribeAclsRequest,
        CreateAcls: CreateAclsRequest,
        DeleteAcls: DeleteAclsRequest,
        ElectLeaders: ElectLeadersRequest,
        ListPartitionReassignments: ListPartitionReassignmentsRequest,
        DescribeCluster: DescribeClusterRequest,
        DescribeProducers: DescribeProducersRequest,
        DescribeTransactions: DescribeTransactionsRequest,
        ListConfigResources: ListConfigResourcesRequest,
        DescribeTopicPartitions: DescribeTopicPartitionsRequest,
        ListTransactions: ListTransactionsRequest,
    }
}

/// A producer's batch, as it is and with a checksum that matches: what is taken is whole, and can be read to its end.
pub(crate) fn record_batch(data: &[u8]) {
    let mut sealed = data.to_vec();
    if data.len() >= HEADER_BYTES {
        seal(&mut sealed);
    }
    let recompressing = LogConfig {
        compression_type: Some(Compression::Gzip),
        log_append_time: true,
        ..LogConfig::default()
    };
    for config in [LogConfig::default(), recompressing] {
        for bytes in [data, &sealed] {
            let mut bytes = bytes.to_vec();
            let Ok(rewritten) = validate(&mut bytes, &config, Time::from_millis(1000)) else {
                continue;
            };
            let bytes = rewritten.unwrap_or(bytes);
            let batch = RecordBatch::parse(&bytes).expect("what was taken is a batch");
            batch.check_crc().expect("its checksum matches");
            let payload = batch.payload().expect("it can be decompressed");
            let records = payload.records().map(|record| record.expect("it is whole"));
            let count = usize::try_from(batch.header.record_count);
            assert_eq!(Ok(records.count()), count, "as many as its header says");
        }
    }
}

/// The first byte is the codec.
pub(crate) fn decompression(data: &[u8]) {
    if let Some((codec, bytes)) = data.split_first()
        && let Ok(codec) = Compression::from_id(i16::from(codec % 5))
    {
        // It may refuse it; it must neither panic nor eat all memory.
        let _ = decompress(codec, bytes);
    }
}

/// A partition's directory after a crash. The first byte says which files are there, and the rest is shared out among them. What can be
/// opened can be read, written and opened again, and has then what it had.
pub(crate) fn recovery(data: &[u8]) {
    let Some((which, mut rest)) = data.split_first() else {
        return;
    };
    let mut disk = MemDisk::default();
    let names = [
        "00000000000000000000.log",
        "00000000000000000000.index",
        "00000000000000000000.timeindex",
        "00000000000000000002.log",
        "00000000000000000000.log.swap",
        "00000000000000000002.snapshot",
        "leader-epoch-checkpoint",
        "partition-checkpoint",
    ];
    let present = names.iter().enumerate();
    for (_, name) in present.filter(|(bit, _)| which >> bit & 1 == 1) {
        // A length in two bytes, and so many bytes.
        let Some((len, behind)) = rest.split_first_chunk() else {
            break;
        };
        let len = usize::from(u16::from_be_bytes(*len)).min(behind.len());
        let (bytes, behind) = behind.split_at(len);
        disk.files.insert(format!("t-0/{name}"), bytes.to_vec());
        rest = behind;
    }
    let now = Time::from_millis(1000);
    let opened = Partition::open(&mut disk, "t-0", LogConfig::default(), now);
    let Ok((mut partition, _)) = opened else {
        return;
    };
    let before = read_all(&partition, &disk);
    let mut batch = mini_kafka::record::builder::BatchBuilder::new(Compression::None);
    batch.push(1000, Some(b"k"), Some(b"v"), &[]);
    let mut batch = batch.build().expect("no codec is needed");
    let end = partition.log_end_offset();
    if let Ok(info) = partition.append(&mut disk, &mut batch, now) {
        assert_eq!(info.base_offset, end);
    }
    let written = read_all(&partition, &disk);
    assert!(written.starts_with(&before));
    let (again, _) = Partition::open(&mut disk, "t-0", LogConfig::default(), now)
        .expect("what was opened once can be opened again");
    assert_eq!(read_all(&again, &disk), written);
}

/// The offsets of all batches that can be read. A flipped bit below the recovery point ends it.
fn read_all(partition: &Partition, disk: &MemDisk) -> Vec<i64> {
    let (mut offsets, mut offset) = (Vec::new(), partition.log_start_offset());
    while let Ok(slice) = partition.read(disk, offset, 4096) {
        let len = usize::try_from(slice.len).expect("files are small");
        let bytes = disk.read_at(&slice.file, slice.position, len);
        let bytes = bytes.expect("what was found is there");
        let whole: Vec<i64> = (batches(&bytes).map_while(Result::ok))
            .map(|batch| batch.header.last_offset())
            .collect();
        let Some(last) = whole.last() else { break };
        assert!(*last >= offset, "the reader does not stand still");
        offset = last + 1;
        offsets.extend(whole);
    }
    offsets
}

/// A record of `__consumer_offsets`: the length of its key in a byte, the key, the value.
pub(crate) fn group_records(data: &[u8]) {
    let Some((len, rest)) = data.split_first() else {
        return;
    };
    let (key, value) = rest.split_at(usize::from(*len).min(rest.len()));
    let mut coordinator = Coordinator::new(Config::default(), Rng::new(1));
    let now = Time::from_millis(1000);
    for value in [Some(value), None, Some(value)] {
        coordinator.load(key, value, now);
    }
    coordinator.loaded(now);
    let ids: Vec<String> = coordinator.groups().map(|group| group.id.clone()).collect();
    for id in ids {
        let _ = coordinator.describe(&id);
    }
    let _ = coordinator.expire_offsets(Time::from_millis(1 << 50));
    // A session may be stored that ends in weeks, and its member be waited for each second.
    for _ in 0..1000 {
        let Some(due) = coordinator.next_deadline() else {
            break;
        };
        if coordinator.tick(due).is_empty() && coordinator.next_deadline() == Some(due) {
            panic!("something is due at {due:?} for ever");
        }
    }
}

/// Both kinds of index. What is taken is written as it was read, and a look-up never leads behind what is looked for.
pub(crate) fn indexes(data: &[u8]) {
    if let Some(index) = OffsetIndex::decode(data, u64::from(u32::MAX)) {
        assert_eq!(index.encode(), data);
        for pair in data.chunks(8).map(|entry| &entry[..4]) {
            let offset = u32::from_be_bytes(pair.try_into().expect("four bytes"));
            assert!(index.lookup(offset) >= index.lookup(offset.saturating_sub(1)));
        }
    }
    if let Some(index) = TimeIndex::decode(data) {
        assert_eq!(index.encode(), data);
        assert!(index.lookup(i64::MIN) <= index.lookup(i64::MAX));
    }
}
