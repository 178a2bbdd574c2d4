//! `check perf`: whether the cluster bears a load, with etcdctl's loads and limits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;
use hdrhistogram::Histogram;
use raft_kv::client::pb;
use raft_kv::client::recipes::prefix_end;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::Connection;

/// Writes a second that must be reached, as a part of those that are tried.
const THROUGHPUT_MIN: f64 = 0.9;
/// The slowest that a write may be.
const SLOWEST_MS_MAX: u64 = 500;
/// How much the latencies may spread.
const STDDEV_MS_MAX: f64 = 100.0;

/// What `raft-kv check perf` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// s: 150 writes a second of 50 clients; m: 1,000 of 200; l: 8,000 of 500; xl: 15,000 of 1,000
    #[arg(long, value_enum, default_value = "s")]
    load: Load,
    /// Seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Below which keys are written; they are deleted in the end
    #[arg(long, default_value = "/etcdctl-check-perf/")]
    prefix: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Load {
    S,
    M,
    L,
    Xl,
}

pub(crate) async fn perf(connection: &Connection, options: &Options) -> Result<()> {
    let (clients, rate): (u32, u32) = match options.load {
        Load::S => (50, 150),
        Load::M => (200, 1000),
        Load::L => (500, 8000),
        Load::Xl => (1000, 15000),
    };
    let client = connection.client()?;
    client.find_leader().await;
    let microseconds = Arc::new(Mutex::new(Histogram::<u64>::new(3)?));
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut writers = JoinSet::new();
    for i in 0..clients {
        let (client, microseconds, prefix) =
            (client.clone(), microseconds.clone(), options.prefix.clone());
        writers.spawn(async move {
            // Each has its share of the rate, and they do not all begin at once.
            let share = Duration::from_secs(1) * clients / rate;
            let mut ticks = tokio::time::interval_at(Instant::now() + share * i / clients, share);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let mut n = 0u64;
            while Instant::now() < end {
                ticks.tick().await;
                let due = Instant::now();
                client
                    .put(format!("{prefix}{i}/{n}"), vec![b'x'; 1024], 0)
                    .await?;
                let took = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
                microseconds.lock().await.saturating_record(took);
                n += 1;
            }
            Ok::<_, anyhow::Error>(())
        });
    }
    let mut failure = None;
    while let Some(ended) = writers.join_next().await {
        if let Err(error) = ended? {
            failure.get_or_insert(error);
        }
    }
    let written = pb::DeleteRangeRequest {
        key: options.prefix.clone().into_bytes(),
        range_end: prefix_end(options.prefix.as_bytes()),
        prev_kv: false,
    };
    client.delete(written).await?;
    if let Some(error) = failure {
        return Err(error.context("a write failed"));
    }
    judge(&*microseconds.lock().await, rate, options.seconds)
}

#[allow(clippy::cast_precision_loss)]
fn judge(microseconds: &Histogram<u64>, rate: u32, seconds: u64) -> Result<()> {
    let a_second = microseconds.len() as f64 / seconds as f64;
    let (slowest, stddev) = (microseconds.max() as f64 / 1e6, microseconds.stdev() / 1e6);
    let results = [
        (
            a_second >= f64::from(rate) * THROUGHPUT_MIN,
            format!("Throughput is {a_second:.0} writes/s, of {rate} that were tried"),
        ),
        (
            microseconds.max() <= SLOWEST_MS_MAX * 1000,
            format!("Slowest request took {slowest:.6}s"),
        ),
        (
            stddev * 1000.0 <= STDDEV_MS_MAX,
            format!("Stddev is {stddev:.6}s"),
        ),
    ];
    for (passed, line) in &results {
        say!("{}: {line}", if *passed { "PASS" } else { "FAIL" });
    }
    if results.iter().any(|(passed, _)| !passed) {
        bail!("FAIL");
    }
    say!("PASS");
    Ok(())
}
