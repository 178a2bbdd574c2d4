//! A real cluster: a NameNode and three DataNodes as processes of this machine. Calls over gRPC, and a file through the
//! pipeline and back. Beside it, in the same run, what the same machine does with the same bytes without us: over one
//! loopback connection, and to the same disk with one fsync. A ratio of two figures says more than either.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use benches::{directory, measuring, path, size};
use clap::Parser;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use mini_hdfs::server::cluster::{self, Cluster};
use mini_hdfs::server::dfs_client::{ClientSettings, CreateOptions, DfsClient};
use mini_hdfs::server::{datanode, namenode};
use tempfile::TempDir;

/// This program as one of the cluster's processes.
#[derive(Parser)]
enum Node {
    Namenode(namenode::Options),
    Datanode(datanode::Options),
}

const READY_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
const BUFFER: usize = 64 << 10;

/// A running cluster and its client. Fields are dropped in order: processes before their directory.
struct Bed {
    client: DfsClient,
    _cluster: Cluster,
    _dir: TempDir,
}

fn start() -> anyhow::Result<Bed> {
    let dir = directory();
    let options = cluster::Options {
        volumes: 1,
        capacity: None,
        datanodes: 3,
        racks: 2,
        dir: None,
        listen: "127.0.0.1:0".to_owned(),
        http: "127.0.0.1:0".to_owned(),
        define: Vec::new(),
        exit_with_stdin: true,
    };
    let cluster = Cluster::start(&env::current_exe()?, &options, dir.path())?;
    let client = DfsClient::connect(ClientSettings::new(cluster.address()?, "bench"))?;
    let deadline = Instant::now() + READY_MAX;
    loop {
        let status = client.status()?;
        if status.safe_mode.is_none() && status.live_datanodes == 3 {
            break;
        }
        anyhow::ensure!(Instant::now() < deadline, "not ready: {status:?}");
        thread::sleep(POLL);
    }
    Ok(Bed {
        client,
        _cluster: cluster,
        _dir: dir,
    })
}

/// `count` directories in all, made by so many callers at the same time.
fn mkdirs(client: &DfsClient, callers: u64, count: u64, top: &str) -> Duration {
    let start = Instant::now();
    thread::scope(|scope| {
        for caller in 0..callers {
            let mine = (caller..count).step_by(usize::try_from(callers).unwrap_or(1));
            scope.spawn(move || {
                for n in mine {
                    let made = client.mkdirs(&format!("{top}{}", path(n)), true);
                    made.expect("a new directory can be made");
                }
            });
        }
    });
    start.elapsed()
}

fn calls(c: &mut Criterion, client: &DfsClient) {
    let mut group = c.benchmark_group("calls over gRPC");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(if measuring() { 5 } else { 1 }));
    group.throughput(Throughput::Elements(1));
    let mut run = 0;
    for callers in [1, 8, 64] {
        group.bench_function(BenchmarkId::new("mkdirs, by callers", callers), |b| {
            b.iter_custom(|iters| {
                run += 1;
                mkdirs(client, callers, iters, &format!("/run{run}"))
            });
        });
    }
    group.finish();
}

/// Sends `bytes` through a connection to a thread that reads them all and says so.
fn loopback(bytes: &[u8]) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::scope(|scope| {
        let reader = scope.spawn(move || -> io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut buffer = vec![0; BUFFER];
            while stream.read(&mut buffer)? > 0 {}
            stream.write_all(&[1])
        });
        let mut stream = TcpStream::connect(address)?;
        for part in bytes.chunks(BUFFER) {
            stream.write_all(part)?;
        }
        stream.shutdown(std::net::Shutdown::Write)?;
        stream.read_exact(&mut [0])?;
        reader.join().expect("the reader does not panic")
    })
}

/// Writes `bytes` to a file that is removed again, and waits for the disk.
fn write_and_sync(bytes: &[u8], dir: &TempDir) -> io::Result<()> {
    let path = dir.path().join("file");
    let mut file = File::create(&path)?;
    for part in bytes.chunks(BUFFER) {
        file.write_all(part)?;
    }
    file.sync_all()?;
    std::fs::remove_file(path)
}

fn put(client: &DfsClient, bytes: &[u8], replication: u16) -> anyhow::Result<()> {
    let options = CreateOptions {
        overwrite: true,
        replication,
        ..CreateOptions::default()
    };
    let mut file = client.create("/file", options)?;
    file.write_all(bytes)?;
    Ok(file.close()?)
}

fn get(client: &DfsClient, buffer: &mut Vec<u8>) -> anyhow::Result<()> {
    buffer.clear();
    client.open("/file")?.read_to_end(buffer)?;
    Ok(())
}

fn bytes(c: &mut Criterion, client: &DfsClient) {
    let mib = size("MIB", 64, 1);
    let len = usize::try_from(mib << 20).unwrap_or(1 << 20);
    let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
    let mut group = c.benchmark_group(format!("a file of {mib} MiB"));
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(if measuring() { 10 } else { 1 }));
    group.throughput(Throughput::Bytes(mib << 20));
    group.bench_function("reference: one loopback connection", |b| {
        b.iter(|| loopback(&bytes).expect("the loopback works"));
    });
    let dir = directory();
    group.bench_function("reference: one file, written and synced", |b| {
        b.iter(|| write_and_sync(&bytes, &dir).expect("the disk takes everything"));
    });
    for replication in [1, 3] {
        let id = format!("write, {replication} replicas, synced on close");
        group.bench_function(id, |b| {
            b.iter(|| put(client, &bytes, replication).expect("the file can be written"));
        });
    }
    let mut buffer = Vec::with_capacity(len);
    group.bench_function("read, checksums verified", |b| {
        b.iter(|| get(client, &mut buffer).expect("the file can be read"));
    });
    assert!(buffer == bytes, "what was written is what is read");
    group.finish();
}

fn cluster(c: &mut Criterion) {
    let bed = start().expect("a cluster starts");
    calls(c, &bed.client);
    bytes(c, &bed.client);
}

criterion_group!(benches, cluster);

fn main() -> anyhow::Result<()> {
    match env::args().nth(1).as_deref() {
        Some("namenode" | "datanode") => match Node::parse() {
            Node::Namenode(options) => namenode::run(&options)?,
            Node::Datanode(options) => datanode::run(&options)?,
        },
        _ => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
    Ok(())
}
