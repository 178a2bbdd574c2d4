//! The entry points of `fuzz/` on a stable compiler: over the kept corpus, over good inputs made here, and over some thousand
//! mutations of both, which follow from a seed.
//!
//! ```text
//! cargo test -p mini-kafka --test fuzz                                a second for each
//! cargo test -p mini-kafka --test fuzz -- recovery mutations 100000   any other number of mutations of one
//! cd mini-kafka && cargo +nightly fuzz run recovery                   coverage-guided, for as long as you like
//! ```
//!
//! An input that fails is written to `fuzz/artifacts`, as `cargo fuzz` does; once mended, move it into `fuzz/corpus`.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

#[path = "../fuzz/entries.rs"]
mod entries;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use entries::{ENTRIES, Entry};
use kafka_protocol::messages::{ApiVersionsRequest, FetchRequest, MetadataRequest, ProduceRequest};
use kafka_protocol::protocol::Encodable;
use mini_kafka::group::records::GroupRecord;
use mini_kafka::group::{
    Action, CommitRequest, Config, Coordinator, JoinRequest, MemberRef, OffsetCommit, Protocol,
    SyncRequest, Ticket,
};
use mini_kafka::log::LogConfig;
use mini_kafka::log::index::{OffsetIndex, TimeIndex};
use mini_kafka::partition::Partition;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::{Compression, compress};
use mini_kafka::server::apis::APIS;
use node::{MemDisk, Rng, Time};

const CODECS: [Compression; 5] = [
    Compression::None,
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fn dir(kind: &str, name: &str) -> PathBuf {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    fuzz.join(kind).join(name)
}

/// The kept inputs, by the names of their files.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(dir("corpus", name)) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn batch(codec: Compression) -> Vec<u8> {
    let mut builder = BatchBuilder::new(codec).producer(7, 0, 0);
    for n in 0..3 {
        builder.push(900 + n, Some(b"key"), Some(b"a value, a value"), &[]);
    }
    builder.build().unwrap()
}

fn frame(key: i16, version: i16, body: &impl Encodable) -> Vec<u8> {
    let mut frame = BytesMut::new();
    frame.put_i16(key);
    frame.put_i16(version);
    frame.put_i32(1);
    frame.put_i16(2);
    frame.put_slice(b"me");
    if key == 18 && version >= 3 {
        frame.put_u8(0);
    }
    body.encode(&mut frame, version).unwrap();
    frame.to_vec()
}

/// A directory as [`entries::recovery`] takes it, from a log that was written and closed.
fn directory() -> Vec<u8> {
    let mut disk = MemDisk::default();
    let mut config = LogConfig::default();
    config.set("segment.bytes", "200").unwrap();
    config.set("index.interval.bytes", "50").unwrap();
    let now = Time::from_millis(900);
    let (mut partition, _) = Partition::open(&mut disk, "t-0", config, now).unwrap();
    for n in 0..3 {
        let mut builder = BatchBuilder::new(Compression::None).producer(7, 0, n);
        builder.push(900, Some(b"k"), Some(b"v"), &[]);
        let mut bytes = builder.build().unwrap();
        partition.append(&mut disk, &mut bytes, now).unwrap();
    }
    partition.close(&mut disk).unwrap();
    let names = [
        "00000000000000000000.log",
        "00000000000000000000.index",
        "00000000000000000000.timeindex",
        "00000000000000000002.log",
        "",
        "00000000000000000002.snapshot",
        "leader-epoch-checkpoint",
        "partition-checkpoint",
    ];
    let (mut which, mut rest) = (0, Vec::new());
    for (bit, name) in names.iter().enumerate() {
        if let Some(bytes) = disk.files.get(&format!("t-0/{name}")) {
            which |= 1 << bit;
            rest.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
            rest.extend(bytes);
        }
    }
    [&[which], &rest[..]].concat()
}

/// What is stored of a group of one member that has committed an offset, as [`entries::group_records`] takes it.
fn stored_group() -> Vec<Vec<u8>> {
    let mut coordinator = Coordinator::new(Config::default(), Rng::new(1));
    let protocol = Protocol {
        name: "range".to_owned(),
        metadata: vec![0, 0, 0, 0, 0, 0],
    };
    let join = JoinRequest {
        group_id: "g".to_owned(),
        member_id: String::new(),
        instance_id: Some("i".to_owned()),
        client_id: "c".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: vec![protocol],
        session_timeout: Duration::from_secs(10),
        rebalance_timeout: Duration::from_secs(60),
        knows_member_id_required: false,
        knows_skip_assignment: false,
    };
    let now = Time::from_millis(900);
    coordinator.join(Ticket(1), join, now);
    let due = coordinator.next_deadline().unwrap();
    let joined = coordinator.tick(due);
    let Some(Action::Joined(_, answer)) = joined.first() else {
        panic!("{joined:?}");
    };
    let member = MemberRef {
        group_id: "g".to_owned(),
        generation: answer.generation,
        member_id: answer.member_id.clone(),
        instance_id: Some("i".to_owned()),
    };
    let sync = SyncRequest {
        protocol_type: None,
        protocol: None,
        member: member.clone(),
        assignments: vec![(member.member_id.clone(), vec![1, 2, 3])],
    };
    let offset = OffsetCommit {
        topic: "t".to_owned(),
        partition: 0,
        offset: 7,
        leader_epoch: 0,
        metadata: "m".to_owned(),
    };
    let commit = CommitRequest {
        member,
        retention: None,
        offsets: vec![offset],
    };
    let mut actions = coordinator.sync(Ticket(2), &sync, due);
    let stored = actions.iter().find_map(|action| match action {
        Action::Append { id, .. } => Some(*id),
        _ => None,
    });
    coordinator.appended(stored.unwrap(), Ok(()), due);
    actions.extend(coordinator.commit(Ticket(3), &commit, due));
    let records = actions.into_iter().filter_map(|action| match action {
        Action::Append { records, .. } => Some(records),
        _ => None,
    });
    let input = |record: GroupRecord| {
        let len = [u8::try_from(record.key.len()).unwrap()];
        [&len, &record.key[..], &record.value.unwrap_or_default()].concat()
    };
    let inputs: Vec<Vec<u8>> = records.flatten().map(input).collect();
    assert_eq!(inputs.len(), 2, "the group, and its offset");
    inputs
}

/// Inputs that are right, so that mutations get behind the first check.
fn good(name: &str) -> Vec<Vec<u8>> {
    match name {
        "request" => vec![
            frame(0, 7, &ProduceRequest::default()),
            frame(1, 11, &FetchRequest::default()),
            frame(3, 8, &MetadataRequest::default()),
            frame(18, 3, &ApiVersionsRequest::default()),
        ],
        "record_batch" => CODECS.map(batch).into(),
        "decompression" => {
            let of = |codec: Compression| {
                let bytes = compress(codec, &b"again and again, ".repeat(9)).unwrap();
                [&[u8::try_from(codec.id()).unwrap()], &bytes[..]].concat()
            };
            CODECS.map(of).into()
        }
        "recovery" => vec![directory()],
        "group_records" => stored_group(),
        "indexes" => {
            let (mut offsets, mut times) = (OffsetIndex::default(), TimeIndex::default());
            for n in 1..5 {
                offsets.push(n * 3, n * 100);
                times.push(i64::from(n) * 10, n * 3);
            }
            vec![offsets.encode(), times.encode()]
        }
        _ => Vec::new(),
    }
}

/// One of the inputs with a few changes, or two of them put together.
fn mutated(inputs: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = rng.choose(inputs).cloned().unwrap_or_default();
    for _ in 0..1 + rng.below(4) {
        let at = rng.index(bytes.len() + 1);
        match rng.below(7) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.next_u64().to_be_bytes()[0]),
            2 => {
                let other = rng.choose(inputs).cloned().unwrap_or_default();
                let from = rng.index(other.len() + 1);
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            3 => {
                // Numbers that are on an edge.
                let edges = [0u64, 1, 0x7f, 0x80, 0xffff, 0x7fff_ffff, u64::MAX, 1 << 63];
                let edge = rng
                    .choose(&edges)
                    .copied()
                    .unwrap_or_default()
                    .to_be_bytes();
                let len = [1, 2, 4, 8][rng.index(4)];
                for (to, from) in bytes[at..].iter_mut().zip(&edge[8 - len..]) {
                    *to = *from;
                }
            }
            4 => {
                let end = (at + rng.index(20)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << rng.below(8);
                }
            }
        }
    }
    bytes
}

/// Writes the inputs made here where `cargo fuzz` finds them. To be called by hand, after a change of formats.
#[test]
#[ignore = "it writes into the corpus"]
fn write_corpus() {
    for (name, _) in ENTRIES {
        fs::create_dir_all(dir("corpus", name)).unwrap();
        for (n, input) in good(name).iter().enumerate() {
            fs::write(dir("corpus", name).join(format!("good-{n}")), input).unwrap();
        }
    }
}

fn call(name: &str, entry: Entry, input: &[u8]) {
    if catch_unwind(AssertUnwindSafe(|| entry(input))).is_err() {
        let file = dir("artifacts", name).join(format!("crash-{:08x}", crc32c::crc32c(input)));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, input).unwrap();
        panic!("{name} fails; its input is {}", file.display());
    }
}

fn fuzz(name: &str) {
    let (_, entry) = ENTRIES.iter().find(|(entry, _)| *entry == name).unwrap();
    let inputs = [corpus(name), good(name)].concat();
    assert!(!inputs.is_empty());
    for input in &inputs {
        call(name, *entry, input);
    }
    let count = sim::number_after("mutations").unwrap_or(3000);
    let mut rng = Rng::new(u64::from(crc32c::crc32c(name.as_bytes())));
    for _ in 0..count {
        call(name, *entry, &mutated(&inputs, &mut rng));
    }
}

#[test]
fn requests() {
    // One of each kind and version, of zeros, which fit every layout: no kind is left out.
    for api in &APIS {
        for version in api.min..=api.max {
            let head = [api.key as i16, version].map(i16::to_be_bytes).concat();
            call("request", entries::request, &[&head[..], &[0; 64]].concat());
        }
    }
    fuzz("request");
}

#[test]
fn record_batches() {
    fuzz("record_batch");
}

#[test]
fn decompression() {
    fuzz("decompression");
}

#[test]
fn recovery() {
    fuzz("recovery");
}

#[test]
fn group_records() {
    fuzz("group_records");
}

#[test]
fn indexes() {
    fuzz("indexes");
}
