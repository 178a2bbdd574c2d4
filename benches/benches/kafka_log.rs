//! mini-kafka's cores, without a network: batches, appends to a real file, look-ups, fetches, a compaction pass, a rebalance.

use std::hint::black_box;
use std::time::Duration;

use benches::size;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mini_kafka::group::{
    Action, Config, Coordinator, JoinRequest, MemberRef, Protocol, SyncRequest, Ticket,
};
use mini_kafka::log::index::OffsetIndex;
use mini_kafka::partition::{LogConfig, Partition};
use mini_kafka::record::batch::RecordBatch;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use node::{Disk, FileDisk, MemDisk, Rng, Time};

const NOW: Time = Time::from_millis(1_700_000_000_000);
const NOW_MS: i64 = 1_700_000_000_000;

/// A batch of about 16 KiB, as a producer with default settings makes them.
fn batch(record_bytes: usize, rng: &mut Rng, keys: u64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Compression::None);
    let value = vec![b'v'; record_bytes];
    while builder.len() < 16_000 {
        let key = rng.below(keys).to_be_bytes();
        builder.push(NOW_MS, Some(&key), Some(&value), &[]);
    }
    builder.build().expect("no codec is needed")
}

fn codec(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka codec");
    for record_bytes in [100, 1024] {
        let bytes = batch(record_bytes, &mut Rng::new(1), 1000);
        let parsed = RecordBatch::parse(&bytes).expect("it was just made");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("checksum", record_bytes), |b| {
            b.iter(|| black_box(&parsed).check_crc());
        });
        group.bench_function(BenchmarkId::new("decode", record_bytes), |b| {
            b.iter(|| {
                let payload = black_box(&parsed).payload().expect("it is good");
                payload.records().filter(Result::is_ok).count()
            });
        });
        group.bench_function(BenchmarkId::new("look at each", record_bytes), |b| {
            let payload = parsed.payload().expect("it is good");
            b.iter(|| black_box(&payload).summary());
        });
        group.bench_function(BenchmarkId::new("encode", record_bytes), |b| {
            b.iter(|| batch(record_bytes, &mut Rng::new(1), 1000));
        });
    }
    group.finish();
}

/// Validated, stamped, written, not synced: what `acks=1` costs the broker behind its socket. Segments are small, and retention removes them,
/// so that the disk does not fill.
fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka append");
    for record_bytes in [100, 1024] {
        let dir = tempfile::tempdir().expect("a directory for the log");
        let mut disk = FileDisk::open(dir.path()).expect("a directory for the log");
        let config = LogConfig {
            segment_bytes: 64 << 20,
            retention_bytes: 128 << 20,
            ..LogConfig::default()
        };
        let opened = Partition::open(&mut disk, "bench-0", config, NOW);
        let (mut partition, _) = opened.expect("an empty directory");
        let mut bytes = batch(record_bytes, &mut Rng::new(1), 1000);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(
            BenchmarkId::new("16 KiB, of records of", record_bytes),
            |b| {
                let mut count = 0u32;
                b.iter(|| {
                    let appended = partition.append(&mut disk, &mut bytes, NOW);
                    count += 1;
                    if count.is_multiple_of(4096) {
                        partition
                            .tick(&mut disk, NOW)
                            .expect("old segments can be removed");
                    }
                    appended.expect("there is room")
                });
            },
        );
    }
    group.finish();
}

/// An index of a segment of 1 GiB; and a read from a random offset, which walks over headers in a file.
fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka look-up");
    let mut index = OffsetIndex::default();
    for n in 0..262_144u32 {
        index.push(n * 40, n * 4096);
    }
    let mut rng = Rng::new(2);
    group.bench_function("index of 262,144 entries", |b| {
        b.iter(|| index.lookup(u32::try_from(rng.below(262_144 * 40)).unwrap_or(0)));
    });
    let dir = tempfile::tempdir().expect("a directory for the log");
    let mut disk = FileDisk::open(dir.path()).expect("a directory for the log");
    let opened = Partition::open(&mut disk, "bench-0", LogConfig::default(), NOW);
    let (mut partition, _) = opened.expect("an empty directory");
    for _ in 0..size("KAFKA_BATCHES", 10_000, 100) {
        let mut bytes = batch(100, &mut rng, 1000);
        let appended = partition.append(&mut disk, &mut bytes, NOW);
        appended.expect("there is room");
    }
    let end = partition.high_watermark().cast_unsigned();
    group.bench_function("read from a random offset", |b| {
        b.iter(|| {
            let offset = rng.below(end).cast_signed();
            partition
                .read(&disk, offset, 1 << 20)
                .expect("the offset is there")
        });
    });
    group.finish();
}

/// A pass over 64 MiB, in memory, of which a tenth stays.
fn compaction(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka compaction");
    group.sample_size(10);
    let batches = size("KAFKA_CLEANED", 4_000, 100);
    let mut disk = MemDisk::default();
    let mut config = LogConfig {
        // Some ten segments: the last one is never cleaned.
        segment_bytes: batches.cast_signed() * 2000,
        ..LogConfig::default()
    };
    config.cleanup_policy.compact = true;
    let opened = Partition::open(&mut disk, "bench-0", config, NOW);
    let (mut partition, _) = opened.expect("an empty disk");
    let (mut rng, mut bytes) = (Rng::new(3), 0);
    let keys = batches * 128 / 10;
    for _ in 0..batches {
        let mut batch = batch(100, &mut rng, keys);
        bytes += batch.len() as u64;
        partition
            .append(&mut disk, &mut batch, NOW)
            .expect("there is room");
    }
    let pending = partition.begin_sync().expect("nothing is synced yet");
    pending.write(&mut disk).expect("memory cannot fail");
    partition.end_sync(&pending);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function(
        BenchmarkId::new("a pass", format!("{batches} batches")),
        |b| {
            b.iter_batched(
                || disk.clone(),
                |mut disk| {
                    let plan = partition.plan_cleaning(NOW);
                    let plan = plan.expect("most records have a later one of their key");
                    plan.run(&mut disk, NOW).expect("memory cannot fail")
                },
                BatchSize::PerIteration,
            );
        },
    );
    group.finish();
}

/// A consumer that reads a log from its beginning, 1 MiB at a time: found, and read from its file into memory. (The server lets the kernel
/// send it instead.)
fn fetch(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka fetch");
    let dir = tempfile::tempdir().expect("a directory for the log");
    let mut disk = FileDisk::open(dir.path()).expect("a directory for the log");
    let opened = Partition::open(&mut disk, "bench-0", LogConfig::default(), NOW);
    let (mut partition, _) = opened.expect("an empty directory");
    let mut bytes = batch(1024, &mut Rng::new(4), 1000);
    for _ in 0..size("KAFKA_FETCHED", 4_000, 100) {
        let appended = partition.append(&mut disk, &mut bytes, NOW);
        appended.expect("there is room");
    }
    let records = RecordBatch::parse(&bytes).expect("it was just made");
    let records = i64::from(records.header.record_count);
    let (end, mut offset) = (partition.high_watermark(), 0);
    group.throughput(Throughput::Bytes(bytes.len() as u64 * 64));
    group.bench_function("64 batches of 16 KiB", |b| {
        b.iter(|| {
            let max_bytes = bytes.len() as u64 * 64;
            let slice = partition.read(&disk, offset, max_bytes);
            let slice = slice.expect("the offset is there");
            let len = usize::try_from(slice.len).unwrap_or(0);
            offset = (offset + records * 64) % (end - records * 64);
            disk.read_at(&slice.file, slice.position, len)
        });
    });
    group.finish();
}

/// From the first join of an empty group to the last assignment: 1,000 members, whose leader gives each a partition.
fn rebalance(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka rebalance");
    group.sample_size(10);
    group.bench_function("1,000 members", |b| b.iter(|| rebalanced(1_000)));
    group.finish();
}

fn rebalanced(members: u64) -> usize {
    let mut coordinator = Coordinator::new(Config::default(), Rng::new(5));
    let protocol = Protocol {
        name: "range".to_owned(),
        metadata: vec![0; 32],
    };
    for n in 0..members {
        let join = JoinRequest {
            group_id: "g".to_owned(),
            member_id: String::new(),
            instance_id: None,
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            protocol_type: "consumer".to_owned(),
            protocols: vec![protocol.clone()],
            session_timeout: Duration::from_secs(45),
            rebalance_timeout: Duration::from_secs(300),
            knows_member_id_required: false,
            knows_skip_assignment: false,
        };
        coordinator.join(Ticket(n), join, NOW);
    }
    let (mut now, mut joined) = (NOW, Vec::new());
    while (joined.len() as u64) < members {
        now = coordinator
            .next_deadline()
            .expect("the group waits for more");
        joined.extend(coordinator.tick(now));
    }
    let mut synced = Vec::new();
    for action in joined {
        let Action::Joined(ticket, answer) = action else {
            continue;
        };
        let ids = answer.members.into_iter().map(|member| member.member_id);
        let sync = SyncRequest {
            protocol_type: None,
            protocol: None,
            assignments: ids.map(|id| (id, vec![0; 16])).collect(),
            member: MemberRef {
                group_id: "g".to_owned(),
                generation: answer.generation,
                member_id: answer.member_id,
                instance_id: None,
            },
        };
        for action in coordinator.sync(ticket, &sync, now) {
            match action {
                Action::Append { id, .. } => synced.extend(coordinator.appended(id, Ok(()), now)),
                other => synced.push(other),
            }
        }
    }
    assert_eq!(synced.len() as u64, members, "each has its assignment");
    synced.len()
}

criterion_group!(
    benches, codec, append, look_up, fetch, compaction, rebalance
);
criterion_main!(benches);
