//! raft-kv's write-ahead log on a real disk: entries that count once they are durable, by 1, 16, 64 and 256 callers who share the
//! syncs; and how long a log takes to open again.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use benches::{directory, measuring, size};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use node::{Disk, FileDisk};
use raft_kv::wal::{Position, SEGMENT_BYTES, Wal};

/// What a put of a value of 256 bytes takes in the log.
const PAYLOAD: [u8; 300] = [7; 300];

/// A log shared by its callers, as the server does it.
struct Shared {
    state: Mutex<State>,
    durable: Condvar,
    appended: Condvar,
}

struct State {
    wal: Wal,
    next: u64,
    /// No caller is left.
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no caller panics")
    }

    fn append_durably(&self) {
        let mut state = self.lock();
        let index = state.next;
        state.next += 1;
        let record = state.wal.append(Position { term: 1, index }, &PAYLOAD);
        let record = record.expect("it follows the last one");
        self.appended.notify_one();
        while state.wal.durable() < record {
            state = self.durable.wait(state).expect("no caller panics");
        }
    }

    /// The one thread that writes to the disk.
    fn flush_until_end(&self, disk: &mut FileDisk) {
        let mut state = self.lock();
        while !state.ended {
            let Some(flush) = state.wal.begin_flush() else {
                state = self.appended.wait(state).expect("no caller panics");
                continue;
            };
            drop(state);
            flush.write(disk).expect("the disk takes everything");
            state = self.lock();
            state.wal.end_flush(&flush);
            self.durable.notify_all();
        }
    }
}

/// The time in which so many callers append `count` entries in all, each waiting until its own is durable.
fn appends(callers: u64, count: u64) -> Duration {
    let dir = directory();
    let mut disk = FileDisk::open(dir.path()).expect("a new directory can be opened");
    let (wal, _) = Wal::open(&mut disk, SEGMENT_BYTES).expect("an empty directory is a log");
    let state = State {
        wal,
        next: 1,
        ended: false,
    };
    let shared = Shared {
        state: Mutex::new(state),
        durable: Condvar::new(),
        appended: Condvar::new(),
    };
    let start = Instant::now();
    thread::scope(|scope| {
        let flusher = scope.spawn(|| shared.flush_until_end(&mut disk));
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                let mine = (caller..count).step_by(usize::try_from(callers).unwrap_or(1));
                scope.spawn(|| mine.for_each(|_| shared.append_durably()))
            })
            .collect();
        for caller in callers {
            caller.join().expect("every append succeeds");
        }
        shared.lock().ended = true;
        shared.appended.notify_one();
        flusher.join().expect("the disk takes everything");
    });
    start.elapsed()
}

fn group_commit(c: &mut Criterion) {
    let mut group = c.benchmark_group("raft log");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(if measuring() { 5 } else { 1 }));
    group.throughput(Throughput::Elements(1));
    group.bench_function("one write and fdatasync of 300 bytes", |b| {
        let dir = directory();
        let mut disk = FileDisk::open(dir.path()).expect("a new directory can be opened");
        b.iter(|| {
            disk.append("log", &PAYLOAD)
                .and_then(|()| disk.sync("log"))
                .expect("the disk takes everything");
        });
    });
    for callers in [1, 16, 64, 256] {
        group.bench_function(BenchmarkId::new("append, by callers", callers), |b| {
            b.iter_custom(|iters| appends(callers, iters));
        });
    }
    group.finish();
}

fn recovery(c: &mut Criterion) {
    let entries = size("RAFT_ENTRIES", 1_000_000, 1_000);
    let dir = directory();
    let mut disk = FileDisk::open(dir.path()).expect("a new directory can be opened");
    let (mut wal, _) = Wal::open(&mut disk, SEGMENT_BYTES).expect("an empty directory is a log");
    for index in 1..=entries {
        wal.append(Position { term: 1, index }, &PAYLOAD)
            .expect("it follows the last one");
        if index.is_multiple_of(10_000) || index == entries {
            let flush = wal.begin_flush().expect("something waits");
            flush.write(&mut disk).expect("the disk takes everything");
            wal.end_flush(&flush);
        }
    }
    let mut group = c.benchmark_group("raft log");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(entries));
    group.bench_function(BenchmarkId::new("opened again, entries", entries), |b| {
        b.iter(|| {
            let (wal, _) = Wal::open(&mut disk, SEGMENT_BYTES).expect("it is undamaged");
            assert_eq!(wal.last().map(|last| last.index), Some(entries));
        });
    });
    group.finish();
}

criterion_group!(benches, group_commit, recovery);
criterion_main!(benches);
