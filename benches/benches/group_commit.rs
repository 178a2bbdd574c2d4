//! Changes of the namespace, each answered once it is on a real disk: 1, 8 and 64 callers share the syncs. The first
//! figure is what one write and `fdatasync` costs on that disk; without group commit no number of callers beats it.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use benches::{create, directory, measuring, path};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mini_hdfs::namenode::{Config, NameNode};
use node::{Disk, FileDisk, Rng, Time};

/// A NameNode shared by its callers, as its shell does it.
struct Shared {
    state: Mutex<State>,
    synced: Condvar,
    logged: Condvar,
}

struct State {
    namenode: NameNode,
    /// No caller is left.
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no caller panics")
    }

    fn end(&self) {
        self.lock().ended = true;
        self.logged.notify_one();
    }
}

/// The time in which `callers` callers make `count` files in all, each made durable before its caller goes on.
fn creates(callers: u64, count: u64) -> Duration {
    let dir = directory();
    let mut disk = FileDisk::open(dir.path()).expect("a new directory can be opened");
    NameNode::format(&mut disk, &mut Rng::new(1)).expect("an empty directory can be formatted");
    let namenode = NameNode::load(Config::default(), &mut disk, Time::ZERO);
    let shared = Shared {
        state: Mutex::new(State {
            namenode: namenode.expect("what was formatted loads"),
            ended: false,
        }),
        synced: Condvar::new(),
        logged: Condvar::new(),
    };
    let start = Instant::now();
    thread::scope(|scope| {
        let syncer = scope.spawn(|| sync_until_end(&shared, &mut disk));
        let each = usize::try_from(callers).unwrap_or(1);
        let callers: Vec<_> = (0..callers)
            .map(|caller| {
                let shared = &shared;
                let mine = (caller..count).step_by(each);
                scope.spawn(move || mine.for_each(|n| create_durably(shared, n)))
            })
            .collect();
        for caller in callers {
            caller.join().expect("every create succeeds");
        }
        shared.end();
        syncer.join().expect("the disk takes everything");
    });
    start.elapsed()
}

fn create_durably(shared: &Shared, n: u64) {
    let mut state = shared.lock();
    (state.namenode)
        .create(&create(path(n)), Time::ZERO)
        .expect("a new file can be created");
    let mine = state.namenode.last_txid();
    shared.logged.notify_one();
    while state.namenode.synced_txid() < mine {
        state = shared.synced.wait(state).expect("no caller panics");
    }
}

/// The one thread that writes to the disk.
fn sync_until_end(shared: &Shared, disk: &mut FileDisk) {
    let mut state = shared.lock();
    while !state.ended {
        let Some(batch) = state.namenode.begin_sync() else {
            state = shared.logged.wait(state).expect("no caller panics");
            continue;
        };
        drop(state);
        batch.write(disk).expect("the disk takes everything");
        state = shared.lock();
        state.namenode.end_sync(&batch);
        shared.synced.notify_all();
    }
}

fn group_commit(c: &mut Criterion) {
    let mut group = c.benchmark_group("group commit");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(if measuring() { 5 } else { 1 }));
    group.throughput(Throughput::Elements(1));
    group.bench_function("one write and fdatasync of 100 bytes", |b| {
        let dir = directory();
        let mut disk = FileDisk::open(dir.path()).expect("a new directory can be opened");
        b.iter(|| {
            disk.append("log", &[7; 100])
                .and_then(|()| disk.sync("log"))
                .expect("the disk takes everything");
        });
    });
    for callers in [1, 8, 64] {
        group.bench_function(BenchmarkId::new("create, by callers", callers), |b| {
            b.iter_custom(|iters| creates(callers, iters));
        });
    }
    group.finish();
}

criterion_group!(benches, group_commit);
criterion_main!(benches);
