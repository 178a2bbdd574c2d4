//! raft-kv's store, without consensus and without a network: commands applied, ranges, events to ten thousand watchers, a snapshot of a gigabyte.

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::size;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use node::Rng;
use raft_kv::store::{
    Bytes, Command, Compare, CompareResult, CompareTarget, KeyRange, Op, PutRequest, RangeRequest,
    Store, TxnRequest,
};
use raft_kv::watch::{Limits, WatchHub, WatchRequest};

fn key(number: u64) -> Bytes {
    format!("/registry/things/{number:08}").into()
}

fn put(number: u64, value: &Bytes) -> PutRequest {
    PutRequest {
        key: key(number),
        value: value.clone(),
        ..PutRequest::default()
    }
}

/// A store of so many keys, and the index of the last command.
fn filled(keys: u64, value_bytes: usize) -> (Store, u64) {
    let mut store = Store::new(u64::MAX);
    let value = vec![b'v'; value_bytes];
    for number in 0..keys {
        // A value of its own for each key, as after a network.
        let put = put(number, &value.clone().into());
        store
            .apply(number + 1, Command::Put(put))
            .expect("nothing forbids it");
        store.take_events();
    }
    (store, keys)
}

fn apply(c: &mut Criterion) {
    let all = size("RAFT_KEYS", 1_000_000, 20_000);
    let mut group = c.benchmark_group("raft store");
    let (mut store, mut index) = filled(all, 256);
    let value: Bytes = vec![b'w'; 256].into();
    let mut rng = Rng::new(1);
    let mut done = |store: &mut Store, command| {
        index += 1;
        let applied = store.apply(index, command).expect("a good command");
        // As a server does now and then; else the bench measures how fast memory fills.
        if index.is_multiple_of(10_000) {
            index += 1;
            let revision = store.revision();
            store
                .apply(index, Command::Compact(revision))
                .expect("it is the last one");
            while store.scrub(10_000) {}
        }
        black_box((applied, store.take_events()));
    };
    group.throughput(Throughput::Elements(1));
    group.bench_function("put", |b| {
        b.iter(|| done(&mut store, Command::Put(put(rng.below(all), &value))));
    });
    group.bench_function("compare and put", |b| {
        b.iter(|| {
            let put = put(rng.below(all), &value);
            let compare = Compare {
                range: KeyRange::single(put.key.clone()),
                target: CompareTarget::Create(0),
                result: CompareResult::Greater,
            };
            let txn = TxnRequest {
                compare: vec![compare],
                success: vec![Op::Put(put)],
                ..TxnRequest::default()
            };
            done(&mut store, Command::Txn(txn));
        });
    });
    for keys in [1, 100, 10_000] {
        group.throughput(Throughput::Elements(keys));
        group.bench_function(BenchmarkId::new("range", keys), |b| {
            b.iter(|| {
                let first = rng.below(all.saturating_sub(keys).max(1));
                let request = RangeRequest {
                    range: KeyRange::new(key(first), key(first + keys)),
                    ..RangeRequest::default()
                };
                store.range(black_box(&request)).expect("it is there").count
            });
        });
    }
    group.finish();
}

fn watch(c: &mut Criterion) {
    const WATCHERS: u64 = 10_000;
    let mut group = c.benchmark_group("raft watch: 10,000 watchers");
    for (name, all_watch_it) in [("of the key", true), ("of other keys", false)] {
        let mut store = Store::default();
        let limits = Limits {
            waiting_max: usize::MAX,
            ..Limits::default()
        };
        let mut hub = WatchHub::new(limits, 1);
        let streams: Vec<_> = (0..100).map(|_| hub.open()).collect();
        for watcher in 0..WATCHERS {
            let range = match (all_watch_it, watcher % 2) {
                (true, 0) => KeyRange::single(key(0)),
                (true, _) => KeyRange::prefix("/registry/"),
                (false, 0) => KeyRange::single(key(watcher + 1)),
                (false, _) => KeyRange::prefix(key(watcher + 1)),
            };
            let request = WatchRequest {
                range,
                ..WatchRequest::default()
            };
            hub.create(
                streams[usize::try_from(watcher % 100).unwrap_or(0)],
                request,
            );
        }
        let value: Bytes = vec![b'v'; 256].into();
        let mut index = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                index += 1;
                store
                    .apply(index, Command::Put(put(0, &value)))
                    .expect("nothing forbids it");
                hub.notify(store.revision(), store.take_events());
                for stream in hub.take_ready() {
                    while let Some(response) = hub.take(stream) {
                        black_box(response);
                    }
                }
            });
        });
    }
    group.finish();
}

fn snapshot(c: &mut Criterion) {
    let mut group = c.benchmark_group("raft snapshot");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(20));
    let mebibytes = size("RAFT_MIB", 1024, 4);
    let (store, _) = filled(mebibytes * 256, 4096);
    let mut longest = Duration::ZERO;
    group.throughput(Throughput::Bytes(store.bytes()));
    group.bench_function("written", |b| {
        b.iter(|| {
            let mut snapshot = store.begin_snapshot();
            loop {
                let start = Instant::now();
                let chunk = store.next_chunk(&mut snapshot);
                longest = longest.max(start.elapsed());
                if black_box(chunk).is_none() {
                    break;
                }
            }
        });
    });
    eprintln!("the longest time that a writer waits for a chunk: {longest:?}");
    let mut snapshot = store.begin_snapshot();
    let chunks: Vec<_> = std::iter::from_fn(|| store.next_chunk(&mut snapshot)).collect();
    drop((snapshot, store));
    group.bench_function("read", |b| {
        b.iter(|| {
            let mut copy = Store::default();
            copy.restore(&mut chunks.iter().cloned().map(Ok))
                .expect("it was just written");
            copy.revision()
        });
    });
    group.finish();
}

criterion_group!(benches, apply, watch, snapshot);
criterion_main!(benches);
