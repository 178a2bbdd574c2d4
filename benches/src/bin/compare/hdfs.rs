//! mini-hdfs: a large file through its pipeline and back, calls that change and read the namespace, and the memory that it
//! takes. Beside it the same bytes through the machine's disk, loopback and processor.

pub(crate) mod memory;

use std::hint::black_box;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use benches::directory;
use benches::hdfs::Bed;
use benches::machine::{checksums, loopback, write_and_sync};
use benches::processes::{cpu_of, resident};
use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient};

use crate::Common;
use crate::report::Report;

const MIB_S: &str = "MiB/s";
const CPU: &str = "processor-s/GiB";
const OPS: &str = "1/s";
const BYTES: &str = "bytes";

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Size of the file, in MiB
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u64).range(1..=65536))]
    mib: u64,
    /// How long each kind of call is repeated, in seconds
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Files in the NameNode whose memory is measured
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..=100_000_000))]
    files: u64,
}

/// Measures, and shows what came of it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let len = usize::try_from(options.mib << 20).context("too large a file")?;
    let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
    let mut report = Report::default();
    for round in 1..=options.common.repeat {
        eprintln!("round {round} of {}", options.common.repeat);
        machine(&bytes, &mut report)?;
        let bed = Bed::start()?;
        bulk(&bed, &bytes, &mut report)?;
        let seconds = Duration::from_secs(options.seconds);
        for callers in [8, 64] {
            calls(&bed.client, callers, seconds, &mut report)?;
        }
    }
    memory(options.files, &mut report)?;
    ratios(&mut report);
    options.common.show(&report)
}

fn machine(bytes: &[u8], report: &mut Report) -> Result<()> {
    let dir = directory();
    let me = [std::process::id()];
    let mut with =
        |what, work: &mut dyn FnMut() -> Result<()>| timed(what, bytes.len(), &me, report, work);
    with("machine: written and synced", &mut || {
        Ok(write_and_sync(bytes, dir.path())?)
    })?;
    with("machine: one loopback connection", &mut || {
        Ok(loopback(bytes)?)
    })?;
    with("machine: CRC32C of each 512 bytes", &mut || {
        black_box(checksums(bytes));
        Ok(())
    })
}

/// Measures what something that is done with `len` bytes takes of these processes.
fn timed(
    what: &str,
    len: usize,
    processes: &[u32],
    report: &mut Report,
    work: &mut dyn FnMut() -> Result<()>,
) -> Result<()> {
    let (cpu, start) = (cpu_of(processes), Instant::now());
    work()?;
    let seconds = start.elapsed().as_secs_f64();
    let mib = len as f64 / f64::from(1 << 20);
    report.add(what, MIB_S, mib / seconds);
    if let (Some(before), Some(after)) = (cpu, cpu_of(processes)) {
        report.add(what, CPU, (after - before).0 * 1024.0 / mib);
    }
    Ok(())
}

fn bulk(bed: &Bed, bytes: &[u8], report: &mut Report) -> Result<()> {
    let servers = bed.cluster.datanodes.iter().chain([&bed.cluster.namenode]);
    let mut processes: Vec<u32> = servers.filter_map(|server| server.id()).collect();
    processes.push(std::process::id());
    let first = bed.cluster.datanodes.first().and_then(|node| node.id());
    let resident = || first.and_then(resident);

    bed.put("/small", &bytes[..bytes.len() / 16], 3)?;
    let small = resident();
    timed(
        "write, 3 replicas, synced on close",
        bytes.len(),
        &processes,
        report,
        &mut || bed.put("/file", bytes, 3),
    )?;
    if let (Some(small), Some(large)) = (small, resident()) {
        report.add("a DataNode after a file", BYTES, small as f64);
        report.add(
            "a DataNode after a file 16 times as large",
            BYTES,
            large as f64,
        );
    }
    // Memory that was used before: what the system does to hand out new pages is not what is measured.
    let mut buffer = bytes.to_vec();
    timed(
        "read, checksums verified",
        bytes.len(),
        &processes,
        report,
        &mut || bed.get("/file", &mut buffer),
    )?;
    ensure!(buffer == bytes, "what was read is not what was written");
    Ok(())
}

/// Calls by so many threads at the same time, each kind for a while.
fn calls(client: &DfsClient, callers: u64, time: Duration, report: &mut Report) -> Result<()> {
    let top = format!("/calls{callers}-{:?}", Instant::now());
    let top = top.replace([' ', '{', '}', ':', ','], "");
    client.mkdirs(&top, true)?;
    let mut measure = |what: &str, call: &(dyn Fn(u64, u64) -> Result<()> + Sync)| -> Result<()> {
        let rate = rate(callers, time, call)?;
        report.add(&format!("{what}, {callers} callers"), OPS, rate);
        Ok(())
    };
    measure("mkdirs", &|caller, n| {
        Ok(client.mkdirs(&format!("{top}/d{caller}/{n}"), true)?)
    })?;
    measure("create and close", &|caller, n| {
        let path = format!("{top}/f{caller}/{n}");
        Ok(client.create(&path, CreateOptions::default())?.close()?)
    })?;
    measure("stat", &|caller, n| {
        let path = format!("{top}/d{caller}/{}", n % 100);
        ensure!(client.stat(&path)?.is_some(), "{path} is not there");
        Ok(())
    })
}

/// How many calls there were in a second, of all callers together.
fn rate(
    callers: u64,
    time: Duration,
    call: &(dyn Fn(u64, u64) -> Result<()> + Sync),
) -> Result<f64> {
    let start = Instant::now();
    let done = thread::scope(|scope| {
        let caller = |caller| {
            scope.spawn(move || -> Result<u64> {
                let mut n = 0;
                while start.elapsed() < time {
                    call(caller, n)?;
                    n += 1;
                }
                Ok(n)
            })
        };
        let threads: Vec<_> = (0..callers).map(caller).collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| anyhow::bail!("a caller panicked"))
            })
            .sum::<Result<u64>>()
    })?;
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

/// Asks a process of its own, which has no other memory.
fn memory(files: u64, report: &mut Report) -> Result<()> {
    let output = Command::new(std::env::current_exe()?)
        .args(["namenode-memory", "--files", &files.to_string()])
        .output()?;
    ensure!(
        output.status.success(),
        "measuring memory failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    if let Ok(bytes) = String::from_utf8_lossy(&output.stdout).trim().parse() {
        report.add(
            "NameNode, a file of one block and three replicas",
            BYTES,
            bytes,
        );
    }
    Ok(())
}

fn ratios(report: &mut Report) {
    let disk = report.median("machine: written and synced", MIB_S);
    let loopback = report.median("machine: one loopback connection", MIB_S);
    if let (Some(disk), Some(loopback)) = (disk, loopback) {
        report.set_ratio(
            "write, 3 replicas, synced on close",
            MIB_S,
            disk / 3.0,
            "the disk, which takes all three",
        );
        report.set_ratio("read, checksums verified", MIB_S, loopback, "the loopback");
    }
    let cpu = |report: &Report, what| report.median(what, CPU).unwrap_or_default();
    let [disk, net, sums] = [
        "machine: written and synced",
        "machine: one loopback connection",
        "machine: CRC32C of each 512 bytes",
    ]
    .map(|what| cpu(report, what));
    // What cannot be less: three files and connections, and four that compute or check; reading, one connection and one check.
    let least = 3.0 * disk + 3.0 * net + 4.0 * sums;
    report.set_ratio(
        "write, 3 replicas, synced on close",
        CPU,
        least,
        "3 files + 3 connections + 4 checksums",
    );
    report.set_ratio(
        "read, checksums verified",
        CPU,
        net + sums,
        "a connection + a checksum",
    );
}
