//! Torture: real processes killed at random, two hundred times in a row, under writers and readers; afterwards everything
//! that was acknowledged must be there.
//!
//! ```text
//! cargo run --release -- torture hdfs --minutes 10
//! cargo run --release -- torture hdfs --kills 200 --seed 7
//! ```
//!
//! The simulator finds bugs in decisions, a thousand times faster, and replays them. What it cannot see are the shells: threads,
//! sockets, files, and what a kernel does with them. This is for those. The seed fixes what is asked for and when it is meant to
//! be killed, not what the machine makes of that: a failure cannot be replayed, so it leaves its directories and a log.
//!
//! `kill -9` ends a process, not the machine: what was written to a file is there afterwards, synced or not. Lost writes
//! are the simulator's business.
//!
//! Reading order: this file, `ledger.rs` (what was acknowledged), `clients.rs` (who asks), `killer.rs` (who kills), `verify.rs` (who judges).

mod clients;
mod killer;
pub(crate) mod ledger;
mod verify;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use mini_hdfs::client::replace_datanode::Policy;
use mini_hdfs::protocol::ReplicaHealth;
use mini_hdfs::server::dfs_client::{ClientSettings, DfsClient};
use node::Rng;
use tokio::runtime::Handle;

use crate::lab::{Lab, lock};
use crate::systems::hdfs::{self, NAMENODE, Size};
use ledger::Ledger;

/// Five, so that two may be down and three replicas still have a place.
const SIZE: Size = Size {
    datanodes: 5,
    racks: 2,
};
const WRITERS: u64 = 3;
const READERS: u64 = 2;
/// How long the cluster may take to mend everything once nobody kills any more.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Everything happens soon and often: small blocks, a checkpoint every few dozen transactions, dead nodes known after 2.5 s.
const SETTINGS: &[&str] = &[
    "dfs.blocksize=256k",
    "dfs.namenode.fs-limits.min-block-size=64k",
    "dfs.namenode.heartbeat.recheck-interval=500ms",
    "dfs.namenode.stale.datanode.interval=1s",
    "dfs.namenode.redundancy.interval.seconds=200ms",
    "dfs.namenode.reconstruction.pending.timeout-sec=5s",
    "dfs.namenode.safemode.extension=0",
    "dfs.namenode.checkpoint.txns=40",
    "dfs.namenode.checkpoint.check.period=1s",
];
/// Settings of all servers.
const EVERYWHERE: &[&str] = &["dfs.heartbeat.interval=150ms"];

/// How long, and with which luck.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// End after so many minutes [default: 1, unless --kills is given]
    #[arg(long, value_name = "N")]
    minutes: Option<f64>,
    /// End after so many kills
    #[arg(long, value_name = "N")]
    kills: Option<u64>,
    /// Draw what is done from this number [default: one that is drawn]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Keep everything in DIR, also when it ends well; DIR must be empty [default: a temporary directory, kept on failure]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// What everybody who takes part in it shares.
pub(crate) struct Torture {
    lab: Arc<Lab>,
    namenode: String,
    ledger: Ledger,
    log: Mutex<File>,
    begun: Instant,
    /// When each node was killed last.
    killed: Mutex<BTreeMap<String, Instant>>,
    /// Nobody begins anything any more.
    over: AtomicBool,
    counts: Counts,
}

/// What has happened so far.
#[derive(Debug, Default)]
struct Counts {
    datanodes_killed: AtomicU64,
    namenodes_killed: AtomicU64,
    killed_in_checkpoints: AtomicU64,
    killed_in_recoveries: AtomicU64,
    files_closed: AtomicU64,
    bytes_closed: AtomicU64,
    files_left: AtomicU64,
    flushes: AtomicU64,
    writes_given_up: AtomicU64,
    reads: AtomicU64,
    reads_given_up: AtomicU64,
}

fn add(count: &AtomicU64, n: u64) {
    count.fetch_add(n, Ordering::Relaxed);
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

impl Torture {
    /// Writes a line to the log.
    fn note(&self, text: &str) {
        let line = format!("{:9.3} {text}\n", self.begun.elapsed().as_secs_f64());
        // A full disk fails the run in other ways.
        let _ = lock(&self.log).write_all(line.as_bytes());
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.ledger.has_failed()
    }

    /// A client whose writers go on with fewer nodes, rather than to give up: it is the bytes that are at stake here.
    fn client(&self, name: &str, rng: &mut Rng) -> Result<DfsClient> {
        let mut settings = ClientSettings::new(&self.namenode, name);
        settings.socket_timeout = Duration::from_secs(3);
        settings.retry_window = Duration::from_millis(100);
        settings.replace_best_effort = true;
        settings.replace_datanode = if rng.percent(50) {
            Policy::Always
        } else {
            Policy::Default
        };
        Ok(DfsClient::connect(settings)?)
    }

    fn was_killed_since(&self, node: &str, when: Instant) -> bool {
        lock(&self.killed).get(node).is_some_and(|at| *at >= when)
    }

    fn kills(&self) -> u64 {
        get(&self.counts.datanodes_killed) + get(&self.counts.namenodes_killed)
    }

    fn tell(&self) -> String {
        let c = &self.counts;
        format!(
            "{} kills: {} of DataNodes, {} while a pipeline was just broken; {} of the NameNode, {} in a checkpoint\n\
             {} files acknowledged, {:.1} MiB; {} left open; {} flushes; {} writes ended with an error\n\
             {} reads compared; {} ended with an error",
            self.kills(),
            get(&c.datanodes_killed),
            get(&c.killed_in_recoveries),
            get(&c.namenodes_killed),
            get(&c.killed_in_checkpoints),
            get(&c.files_closed),
            get(&c.bytes_closed) as f64 / f64::from(1 << 20),
            get(&c.files_left),
            get(&c.flushes),
            get(&c.writes_given_up),
            get(&c.reads),
            get(&c.reads_given_up),
        )
    }
}

/// Tortures mini-hdfs in a new lab. Returns the lab's directory to be removed, if it is nobody's.
///
/// # Errors
/// When something that was acknowledged is not there, or the cluster does not come back. Everything is left as it is then.
pub(crate) fn run(options: &Options, runtime: &Handle) -> Result<()> {
    let seed = match options.seed {
        Some(seed) => seed,
        None => u64::from(getrandom::u32().context("no luck to be had")?),
    };
    let dir = match &options.dir {
        Some(dir) => {
            let there = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
            ensure!(!there, "{} is not empty", dir.display());
            dir.clone()
        }
        None => {
            let made = tempfile::Builder::new().prefix("torture-").tempdir()?;
            made.keep()
        }
    };
    say(&format!(
        "torture of mini-hdfs, seed {seed}, in {}",
        dir.display()
    ));
    let lab = Lab::new("hdfs", "torture", Some(dir.clone()), runtime.clone())?;
    let done = torture(&lab, options, seed, &dir);
    lab.stop();
    match done {
        Ok(()) => {
            if options.dir.is_none() {
                std::fs::remove_dir_all(&dir)
                    .with_context(|| format!("cannot remove {}", dir.display()))?;
            }
            say("everything that was acknowledged is there");
            Ok(())
        }
        Err(e) => Err(e.context(format!(
            "seed {seed}; the directories and logs of all nodes, and torture.log, are in {}",
            dir.display()
        ))),
    }
}

fn torture(lab: &Arc<Lab>, options: &Options, seed: u64, dir: &Path) -> Result<()> {
    let namenode = hdfs::start_nodes(lab, SIZE, SETTINGS, EVERYWHERE)?;
    let torture = Torture {
        lab: lab.clone(),
        namenode,
        ledger: Ledger::default(),
        log: Mutex::new(File::create(dir.join("torture.log"))?),
        begun: Instant::now(),
        killed: Mutex::default(),
        over: AtomicBool::new(false),
        counts: Counts::default(),
    };
    let mut rng = Rng::new(seed);
    let (torture, mut lucks) = (&torture, || rng.fork());
    wait_ready(torture, &mut lucks())?;
    let limit = match (options.minutes, options.kills) {
        (Some(minutes), _) => Duration::try_from_secs_f64(60.0 * minutes)?,
        (None, Some(_)) => Duration::MAX,
        (None, None) => Duration::from_secs(60),
    };
    let worked = std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for n in 0..WRITERS {
            let rng = lucks();
            workers.push(scope.spawn(move || clients::write(torture, n, rng)));
        }
        for n in 0..READERS {
            let rng = lucks();
            workers.push(scope.spawn(move || clients::read(torture, n, rng)));
        }
        let rng = lucks();
        let killing = scope.spawn(move || killer::kill(torture, rng, options.kills, limit));
        let mut told = Instant::now();
        while !killing.is_finished() {
            std::thread::sleep(Duration::from_millis(100));
            if told.elapsed() >= TELL_EVERY {
                told = Instant::now();
                say(&torture.tell());
            }
        }
        torture.over.store(true, Ordering::Relaxed);
        let ended = workers.into_iter().chain([killing]);
        ended.map(joined).collect::<Result<Vec<()>>>().map(|_| ())
    });
    torture.note("nobody is killed any more");
    worked?;
    say(&torture.tell());
    torture.ledger.check()?;
    let client = torture.client("judge", &mut lucks())?;
    wait_mended(torture, &client)?;
    verify::verify(torture, &client)?;
    say(&format!(
        "{} nodes joined a pipeline in place of one that had failed",
        joins(dir)
    ));
    Ok(())
}

fn joined(worker: std::thread::ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    worker
        .join()
        .unwrap_or_else(|_| bail!("a thread of the torture panicked"))
}

fn wait_ready(torture: &Torture, rng: &mut Rng) -> Result<()> {
    let client = torture.client("start", rng)?;
    until("all DataNodes can be written to", || {
        let ready = client.datanode_report()?;
        let ready = ready.iter().filter(|n| n.heartbeat.remaining > 0).count();
        ensure!(ready == SIZE.datanodes as usize, "{ready} can");
        Ok(())
    })
}

/// Waits until every DataNode is there and every block of every closed file has all its replicas, and no bad one.
fn wait_mended(torture: &Torture, client: &DfsClient) -> Result<()> {
    until("the cluster has mended itself", || {
        if let Some(safe_mode) = client.safe_mode()? {
            bail!("{safe_mode}");
        }
        let status = client.status()?;
        let (live, all) = (status.live_datanodes, u64::from(SIZE.datanodes));
        ensure!(live == all, "{live} of {all} DataNodes are live");
        for file in client.fsck("/")? {
            let file = file?;
            if file.status.under_construction {
                continue;
            }
            for block in file.blocks {
                let count = |health| block.replicas.iter().filter(|(_, h)| *h == health).count();
                let (live, bad) = (count(ReplicaHealth::Live), count(ReplicaHealth::Corrupt));
                let (path, wanted) = (&file.status.path, block.expected);
                ensure!(
                    live == usize::from(wanted) && bad == 0,
                    "{path}: {} has {live} of {wanted} replicas, and {bad} bad ones",
                    block.block
                );
            }
        }
        Ok(())
    })?;
    torture.note("the cluster has mended itself");
    Ok(())
}

/// Waits until `holds` does.
fn until(what: &str, mut holds: impl FnMut() -> Result<()>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        match holds() {
            Ok(()) => return Ok(()),
            Err(e) if Instant::now() > end => {
                return Err(e.context(format!("waited {PATIENCE:?} in vain until {what}")));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// How often DataNodes said that they have joined a pipeline.
fn joins(dir: &Path) -> usize {
    let logs = (1..=SIZE.datanodes).map(|n| dir.join(format!("dn{n}.log")));
    let texts = logs.filter_map(|log| std::fs::read_to_string(log).ok());
    texts
        .map(|text| text.matches("joined the pipeline of").count())
        .sum()
}

fn say(text: &str) {
    // Whoever reads may have gone; the torture goes on.
    let _ = writeln!(io::stdout(), "{text}");
}

/// Where the NameNode keeps images and edits.
fn namenode_dir(lab: &Lab) -> PathBuf {
    lab.dir(NAMENODE).join("current")
}
