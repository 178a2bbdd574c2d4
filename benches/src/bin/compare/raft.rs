//! raft-kv beside etcd: the same load of the same generator on three members each, in turns; the memory that keys take; and how long nobody can
//! write after the leader was killed.

mod caller;
mod failover;
mod load;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use benches::processes::{cpu_of, resident};
use benches::raft::{Cluster, Etcd, RaftKv, settled};
use tokio::runtime::Runtime;

use crate::Common;
use crate::report::Report;
use load::{Load, Operation};

const OPS: &str = "1/s";
const MS: &str = "ms";
const CPU: &str = "processor-µs each";
const MIB: &str = "MiB";

/// Clients that write the keys that are read later.
const WRITERS: usize = 64;

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// How long each load lasts, in seconds
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How many clients there are at the same time, each with a connection of its own
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256", value_parser = clap::value_parser!(u64).range(1..=4096))]
    clients: Vec<u64>,
    /// Which loads
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "put,linearizable,serializable"
    )]
    loads: Vec<Operation>,
    /// Keys whose memory is measured
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1000..=10_000_000))]
    keys: u64,
    /// How often the leader is killed
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1000))]
    kills: u32,
    /// Clients connect to the leader alone, rather than to all members in turn
    #[arg(long)]
    leader: bool,
    /// Leave etcd out
    #[arg(long)]
    alone: bool,
    /// Measure this build of raft-kv, rather than the one beside this program
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Measures, and shows what came of it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let etcd = Etcd::program().filter(|_| !options.alone);
    if etcd.is_none() && !options.alone {
        eprintln!(
            "etcd is not installed, so there is nothing to compare with: raft-kv is measured alone. Debian's package is called etcd-server."
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let start = || -> Result<Vec<Box<dyn Cluster>>> {
        let mut clusters: Vec<Box<dyn Cluster>> = Vec::new();
        if let Some(program) = &etcd {
            clusters.push(Box::new(Etcd::start(program.clone())?));
        }
        clusters.push(Box::new(RaftKv::start(options.program.as_deref())?));
        Ok(clusters)
    };
    let mut report = Report::default();
    for round in 1..=options.common.repeat {
        eprintln!("round {round} of {}", options.common.repeat);
        let mut clusters = start()?;
        if round % 2 == 0 {
            clusters.reverse();
        }
        for cluster in &clusters {
            memory(&runtime, cluster.as_ref(), options.keys, &mut report)?;
        }
        for operation in &options.loads {
            for clients in &options.clients {
                for cluster in &clusters {
                    let clients = usize::try_from(*clients)?;
                    measure(
                        &runtime,
                        cluster.as_ref(),
                        *operation,
                        clients,
                        options,
                        &mut report,
                    )?;
                }
            }
        }
    }
    if options.kills > 0 {
        eprintln!("{} kills of each leader, in turns", options.kills);
        let mut clusters = start()?;
        for _ in 0..options.kills {
            for cluster in &mut clusters {
                let what = format!(
                    "{}: leader killed, until a write goes through",
                    cluster.name()
                );
                let back = runtime.block_on(failover::kill_leader(cluster.as_mut()))?;
                report.add(&what, MS, back.as_secs_f64() * 1e3);
            }
        }
    }
    beside_etcd(&mut report);
    options.common.show(&report)
}

/// What members take of memory when they have just begun, and with so many keys of 256 bytes.
fn memory(runtime: &Runtime, cluster: &dyn Cluster, keys: u64, report: &mut Report) -> Result<()> {
    runtime.block_on(settled(cluster))?;
    let mut add = |what: &str| {
        let members = cluster.processes();
        let sum: Option<u64> = members.iter().map(|id| resident(*id)).sum();
        if let Some(bytes) = sum {
            let what = format!("{}: memory of the members, {what}", cluster.name());
            report.add(&what, MIB, bytes as f64 / f64::from(1 << 20));
        }
    };
    add("no keys");
    let load = Load {
        endpoints: cluster.endpoints(),
        operation: Operation::Put,
        clients: WRITERS,
        keys,
    };
    runtime.block_on(load.fill()).context("writing keys")?;
    add(&format!("{keys} keys"));
    Ok(())
}

fn measure(
    runtime: &Runtime,
    cluster: &dyn Cluster,
    operation: Operation,
    clients: usize,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let leader = runtime.block_on(settled(cluster))?;
    let mut endpoints = cluster.endpoints();
    if options.leader {
        endpoints = vec![endpoints.swap_remove(leader)];
    }
    let load = Load {
        endpoints,
        operation,
        clients,
        keys: options.keys,
    };
    let members = cluster.processes();
    let before = cpu_of(&members);
    let measured = runtime.block_on(load.run(Duration::from_secs(options.seconds)))?;
    let after = cpu_of(&members);
    let name = cluster.name();
    let what = format!("{name}: {}, {clients} clients", operation.name());
    report.add(&what, OPS, measured.rate);
    let mut quantile = |percent: u32| {
        let ms = measured.latencies.value_at_percentile(f64::from(percent)) as f64 / 1e3;
        report.add(&format!("{what}, p{percent}"), MS, ms);
    };
    quantile(50);
    quantile(99);
    if let (Some(before), Some(after)) = (before, after) {
        let each = (after - before).0 * 1e6 / measured.all as f64;
        report.add(&what, CPU, each);
    }
    Ok(())
}

/// Each row of raft-kv's gets its ratio to etcd's.
fn beside_etcd(report: &mut Report) {
    for (what, unit) in report.names() {
        let Some(rest) = what.strip_prefix("raft-kv: ") else {
            continue;
        };
        if let Some(theirs) = report.median(&format!("etcd: {rest}"), unit) {
            report.set_ratio(&what, unit, theirs, "etcd's");
        }
    }
}
