//! mini-hdfs in the lab: which nodes it consists of, what can be seen of it, and what a client does with it.

mod audit;
mod changes;
mod disks;
mod document;
mod files;
mod lamps;
mod load;
mod messages;
mod rot;
mod routes;
mod sample;
mod scenes;
mod snapshot;
mod torture;

use std::ffi::OsString;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use axum::Router;
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};
use mini_hdfs::server::connector::Connector;
use mini_hdfs::server::rpc::{NameNodeClient, RpcError};
use mini_hdfs::view::Answers;
use tokio::runtime::Handle;

use crate::lab::{CLIENT, Lab, NodeSpec, lock};
use crate::links::recogniser::Protocol;
use crate::load::Load;
use crate::scenes::{Play, SOON, Stage, ensure};
use crate::system::{Cluster, Deed, Order, Scenery, System};
use crate::systems::disks::Disks;

pub(crate) use files::Checked;
pub(crate) use sample::{HoldUp, Sample};
pub(crate) use snapshot::Snapshot;

use files::Files;
use lamps::ReadBack;
use load::FileLoad;

/// The name of the one NameNode.
pub(crate) const NAMENODE: &str = "namenode";

/// Everything happens sooner than in earnest, so that nobody waits for it: a DataNode is stale after 3 s, and dead after
/// 2 × 1 s + 10 × 0.5 s. Small blocks make even a small file visible.
const SETTINGS: &[&str] = &[
    "dfs.blocksize=1m",
    "dfs.namenode.heartbeat.recheck-interval=1s",
    "dfs.namenode.stale.datanode.interval=3s",
    "dfs.namenode.redundancy.interval.seconds=1s",
    "dfs.namenode.reconstruction.pending.timeout-sec=10s",
    "dfs.namenode.safemode.extension=1s",
    "dfs.namenode.decommission.interval=1s",
    "dfs.namenode.lease-soft-limit-sec=5s",
    "dfs.namenode.lease-hard-limit-sec=60s",
    "dfs.namenode.lease-recheck-interval-ms=500ms",
    "dfs.namenode.block-placement-policy.exclude-slow-nodes.enabled=true",
    "dfs.namenode.avoid.read.slow.datanode=true",
];

/// A DataNode's: a pass of the background scan every two seconds, and fast enough for what the lab holds. Silence is noticed as soon as
/// the lab's client notices it, so that the node nearest to a paused one is the one that tells. Peers are measured, and found slow after a
/// block or two if they take longer than a busy machine does.
const DATANODE_SETTINGS: &[&str] = &[
    HEARTBEAT,
    "dfs.client.socket-timeout=5s",
    "dfs.datanode.peer.stats.enabled=true",
    "dfs.datanode.peer.metrics.min.outlier.detection.samples=10",
    "dfs.datanode.min.outlier.detection.nodes=3",
    "dfs.datanode.slowpeer.low.threshold.ms=150",
    "dfs.datanode.outliers.report.interval=1s",
    "dfs.datanode.scan.period.hours=2s",
    "dfs.block.scanner.volume.bytes.per.second=16m",
];

const HEARTBEAT: &str = "dfs.heartbeat.interval=500ms";

/// How often the NameNode is asked, and how long it may take to answer.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// How large a cluster is.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Size {
    /// How many DataNodes
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) datanodes: u32,
    /// On how many racks, one after the other
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) racks: u32,
}

/// mini-hdfs, as a system of the lab.
pub(crate) struct MiniHdfs;

/// What a node is.
#[derive(Debug, Parser)]
#[command(name = "lab node hdfs")]
enum Node {
    /// mini-hdfs's NameNode
    Namenode(mini_hdfs::server::namenode::Options),
    /// mini-hdfs's DataNode
    Datanode(mini_hdfs::server::datanode::Options),
}

impl System for MiniHdfs {
    fn name(&self) -> &'static str {
        "hdfs"
    }

    fn title(&self) -> &'static str {
        "mini-hdfs"
    }

    fn options(&self, command: Command) -> Command {
        Size::augment_args(command)
    }

    fn start(&self, lab: &Arc<Lab>, options: &ArgMatches) -> Result<Arc<dyn Cluster>> {
        let size = Size::from_arg_matches(options)?;
        Ok(Hdfs::set(lab, &size)?)
    }

    fn scenes(&self) -> &'static [&'static dyn Play] {
        scenes::SCENES
    }

    fn node(&self, args: Vec<OsString>) -> Result<()> {
        tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .init();
        let name = OsString::from("lab node hdfs");
        match Node::parse_from([name].into_iter().chain(args)) {
            Node::Namenode(options) => mini_hdfs::server::namenode::run(&options),
            Node::Datanode(options) => mini_hdfs::server::datanode::run(&options),
        }
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[messages::DATA_TRANSFER]
    }

    fn torture_options(&self, command: Command) -> Option<Command> {
        Some(torture::Options::augment_args(command))
    }

    fn torture(&self, options: &ArgMatches, runtime: &Handle) -> Result<()> {
        torture::run(&torture::Options::from_arg_matches(options)?, runtime)
    }
}

/// A cluster that runs.
#[derive(Debug)]
pub(crate) struct Hdfs {
    /// Its processes and links.
    pub(crate) lab: Arc<Lab>,
    files: Files,
    /// Small files written and read at a rate.
    load: Load,
    disks: Arc<Disks>,
    state: Mutex<Arc<Snapshot>>,
    /// When the look that `state` shows began.
    looked_at: Mutex<Instant>,
    read_back: Mutex<ReadBack>,
}

impl Scenery for Hdfs {
    type Size = Size;
    type View = Snapshot;

    fn set(lab: &Arc<Lab>, size: &Size) -> Result<Arc<Hdfs>> {
        let address = start_nodes(lab, *size, SETTINGS, DATANODE_SETTINGS)?;
        let files = Files::new(&address, lab.dial_as(CLIENT)?)?;
        let load = FileLoad::new(files.another_client()?, lab.clone())?;
        let hdfs = Arc::new(Hdfs {
            files,
            load: Load::new(load),
            disks: Disks::of(lab),
            lab: lab.clone(),
            state: Mutex::default(),
            looked_at: Mutex::new(Instant::now()),
            read_back: Mutex::default(),
        });
        // The lab itself looks on from outside: no fault of its network hides the cluster from it.
        let _entered = lab.runtime().enter();
        let namenode = NameNodeClient::new(&Connector::direct(), &address)
            .with_context(|| format!("cannot call the NameNode at {address}"))?
            .with_timeout(ANSWER_MAX);
        lab.runtime().spawn(watch(Arc::downgrade(&hdfs), namenode));
        audit::start(Arc::downgrade(&hdfs));
        Ok(hdfs)
    }

    fn ready(stage: &Stage<Hdfs>, size: &Size) -> Result<()> {
        stage.expect("every DataNode is there", SOON, |now| {
            let live = now.nodes.iter().filter(|node| node.state == "live");
            let (live, all) = (live.count(), size.datanodes);
            ensure(live == all as usize, || format!("{live} of {all} are live"))
        })
    }

    fn seen_since(&self, then: Instant) -> Option<Arc<Snapshot>> {
        (*lock(&self.looked_at) > then).then(|| self.now())
    }
}

impl Cluster for Hdfs {
    fn deeds(&self) -> Vec<Deed> {
        disks::deeds()
    }

    fn perform(&self, deed: &str, order: &Order) -> Result<()> {
        self.break_disk(deed, order)
    }

    fn undo(&self) -> Result<()> {
        self.disks.undo()
    }

    fn load(&self) -> Option<&Load> {
        Some(&self.load)
    }

    fn routes(self: Arc<Self>) -> Router {
        routes::routes(self)
    }

    fn shell(&self) -> Vec<String> {
        let namenode = self.lab.address(NAMENODE, "rpc").unwrap_or_default();
        [
            &format!("export MINI_HDFS_NAMENODE={namenode}"),
            "alias mini-hdfs='cargo run -qrp mini-hdfs --'",
            "mini-hdfs dfs -ls -R /",
            "mini-hdfs dfsadmin -report",
            "mini-hdfs fsck / -files -blocks -locations",
        ]
        .map(str::to_owned)
        .into()
    }
}

impl Hdfs {
    /// What was to be seen at the last look.
    pub(crate) fn now(&self) -> Arc<Snapshot> {
        lock(&self.state).clone()
    }
}

/// Starts the NameNode with the settings `namenode`, and the DataNodes; all with those of `everywhere`. Returns where the
/// NameNode is called.
pub(crate) fn start_nodes(
    lab: &Lab,
    size: Size,
    namenode: &[&str],
    everywhere: &[&str],
) -> Result<String> {
    let address = start_namenode(lab, &[namenode, everywhere].concat())?;
    start_datanodes(lab, size, &address, everywhere)?;
    Ok(address)
}

/// Starts the NameNode; returns where it is called.
fn start_namenode(lab: &Lab, settings: &[&str]) -> Result<String> {
    let dir = lab.dir(NAMENODE).display().to_string();
    lab.add(NodeSpec {
        name: NAMENODE.to_owned(),
        role: "namenode",
        rack: None,
        program: "mini-hdfs",
        args: args(&["namenode", "--format-if-new", "--dir", &dir], settings),
        listens: &[
            ("--listen", "rpc"),
            ("--http", "http"),
            ("--chaos", "chaos"),
        ],
    })?;
    lab.start(NAMENODE)?;
    lab.address(NAMENODE, "rpc")
}

/// Starts the DataNodes side by side: `dn1`, `dn2`, … on one rack after the other.
fn start_datanodes(lab: &Lab, size: Size, namenode: &str, settings: &[&str]) -> Result<()> {
    let names: Vec<String> = (1..=size.datanodes).map(|n| format!("dn{n}")).collect();
    for (n, name) in (0..size.datanodes).zip(&names) {
        let rack = format!("/rack{}", n % size.racks + 1);
        let dir = lab.dir(name).display().to_string();
        let mut words = vec!["datanode", "--namenode", namenode, "--dir", &dir];
        words.extend(["--rack", &rack, "--hostname", name]);
        lab.add(NodeSpec {
            name: name.clone(),
            role: "datanode",
            args: args(&words, settings),
            rack: Some(rack),
            program: "mini-hdfs",
            listens: &[
                ("--listen", "address"),
                ("--http", "http"),
                ("--chaos", "chaos"),
            ],
        })?;
    }
    std::thread::scope(|scope| {
        let start = |name| scope.spawn(move || lab.start(name));
        let starting: Vec<_> = names.iter().map(|name| start(name)).collect();
        starting
            .into_iter()
            .try_for_each(|started| match started.join() {
                Ok(started) => started,
                Err(_) => bail!("a thread panicked"),
            })
    })
}

/// The arguments of a server: words and settings.
fn args(words: &[&str], settings: &[&str]) -> Vec<String> {
    let settings = settings.iter().flat_map(|setting| ["-D", setting]);
    words
        .iter()
        .copied()
        .chain(settings)
        .map(str::to_owned)
        .collect()
}

/// Looks at the cluster for as long as it is there.
async fn watch(hdfs: Weak<Hdfs>, namenode: NameNodeClient) {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut answers = Answers::default();
    loop {
        ticks.tick().await;
        let began = Instant::now();
        let answered = ask(&namenode).await;
        // What is seen of a cluster while it is taken down is no news.
        let Some(hdfs) = hdfs.upgrade().filter(|hdfs| hdfs.lab.is_open()) else {
            return;
        };
        let answering = answered.is_ok();
        if let Ok(newer) = answered {
            answers = newer;
        }
        hdfs.look(&answers, answering);
        *lock(&hdfs.looked_at) = began;
    }
}

async fn ask(namenode: &NameNodeClient) -> Result<Answers, RpcError> {
    let mut files = Vec::new();
    let mut found = namenode.fsck("/").await?;
    while let Some(file) = found.next().await? {
        files.push(file);
    }
    Ok(Answers {
        status: namenode.status().await?,
        datanodes: namenode.datanode_report().await?,
        files,
    })
}

impl Hdfs {
    fn look(&self, answers: &Answers, answered: bool) {
        let mut after = Snapshot::new(self.lab.nodes(), answers);
        after.view.answered = answered;
        let (load, mut read_back) = (self.load.status(), lock(&self.read_back).clone());
        if load.wrong > 0 {
            let text = format!(
                "{} reads of the load gave something else; see the journal",
                load.wrong
            );
            read_back.failure.get_or_insert(text);
        }
        after.lamps = lamps::lamps(&after, &read_back);
        let measured = document::measured(&after, &load, self.disks.document());
        self.lab.recorder.put_all(measured);
        let before = self.now();
        if *before == after {
            return;
        }
        let recorder = &self.lab.recorder;
        recorder.put_all(document::members(&after));
        for (level, node, text) in changes::changes(&before, &after) {
            recorder.event(level, node.as_deref(), text);
        }
        *lock(&self.state) = Arc::new(after);
    }
}
