//! A whole cluster on one machine: `mini-hdfs cluster` runs the same program again as a NameNode and as
//! DataNodes, and ends them when it ends.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use servers::{Server, lifetime};
use tempfile::TempDir;

use super::connector::Connector;
use super::rpc::NameNodeClient;

/// How long each process may take to start.
const START_MAX: Duration = Duration::from_secs(30);
/// How long each may take to end when asked to.
const END_MAX: Duration = Duration::from_secs(5);
/// How long the cluster may stay in safe mode before we say that something is wrong.
const SAFE_MODE_MAX: Duration = Duration::from_secs(120);
/// How often the NameNode is asked whether safe mode is over.
const POLL: Duration = Duration::from_millis(50);
/// How often the processes are looked after.
const LOOK: Duration = Duration::from_secs(1);

/// What `mini-hdfs cluster` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many DataNodes
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub datanodes: u16,
    /// How many directories each DataNode has, as if each were a disk of its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub volumes: u16,
    /// Bytes that each DataNode may use [default: what the file system has]
    #[arg(long, value_name = "BYTES")]
    pub capacity: Option<u64>,
    /// On how many racks, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub racks: u16,
    /// Keep everything in DIR, and find it there the next time [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Where the NameNode is called; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Where the status page and the metrics are
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub http: String,
    /// Let every process take orders to break its disks, as from curl -X PUT http://HOST:PORT/chaos -d 'slow_ms=200'
    #[arg(long)]
    pub chaos: bool,
    /// Settings with HDFS's keys, for every process, as in -D dfs.heartbeat.interval=1s
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub define: Vec<String>,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// A NameNode and DataNodes as child processes. Dropping it kills them all.
#[derive(Debug)]
pub struct Cluster {
    /// The NameNode; its addresses are `rpc` and `http`.
    pub namenode: Server,
    /// The DataNodes, called `dn1`, `dn2`, …; each has the one address `address`.
    pub datanodes: Vec<Server>,
}

impl Cluster {
    /// Starts the cluster that `options` describe, with `program` (one that has the subcommands
    /// `namenode` and `datanode`), in `dir`: each process has a directory there, and a log beside it.
    ///
    /// # Errors
    /// When a process does not start. Those that did are ended.
    pub fn start(program: &Path, options: &Options, dir: &Path) -> Result<Cluster> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let mut namenode = server(program, "namenode", dir, "namenode", options)
            .listening("--listen", "rpc", &options.listen)
            .listening("--http", "http", &options.http);
        namenode.start(START_MAX)?;
        let mut cluster = Cluster {
            namenode,
            datanodes: Vec::new(),
        };
        for i in 0..options.datanodes {
            let datanode = cluster.datanode(program, options, dir, i)?;
            cluster.datanodes.push(datanode);
        }
        // Side by side: each waits for its disk.
        thread::scope(|scope| {
            let start = |datanode| scope.spawn(move || Server::start(datanode, START_MAX));
            let starting: Vec<_> = cluster.datanodes.iter_mut().map(start).collect();
            starting
                .into_iter()
                .try_for_each(|started| match started.join() {
                    Ok(started) => started,
                    Err(_) => bail!("a thread panicked"),
                })
        })?;
        Ok(cluster)
    }

    fn datanode(&self, program: &Path, options: &Options, dir: &Path, i: u16) -> Result<Server> {
        let name = format!("dn{}", i + 1);
        let rack = format!("/rack{}", i % options.racks + 1);
        let args = [
            "--namenode",
            self.address()?,
            "--rack",
            &rack,
            "--hostname",
            &name,
        ];
        let capacity = options.capacity.map(|bytes| bytes.to_string());
        let capacity = capacity.iter().flat_map(|bytes| ["--capacity", bytes]);
        Ok(server(program, "datanode", dir, &name, options)
            .with_args(args)
            .with_args(capacity)
            .listening("--listen", "address", "127.0.0.1:0")
            .listening("--http", "http", "127.0.0.1:0"))
    }

    /// Where the NameNode is called.
    ///
    /// # Errors
    /// When it has never been ready.
    pub fn address(&self) -> Result<&str> {
        self.namenode
            .address("rpc")
            .context("the NameNode has no address")
    }

    /// Waits until the NameNode is out of safe mode and every DataNode has told it how much room it has.
    ///
    /// # Errors
    /// When that takes longer than `deadline`.
    pub async fn ready(&self, deadline: Duration) -> Result<()> {
        let namenode = NameNodeClient::new(&Connector::direct(), self.address()?)?;
        let began = Instant::now();
        loop {
            let safe_mode = namenode.safe_mode().await?;
            let nodes = namenode.datanode_report().await?;
            // One that has registered is live, but how much room it has comes with its first heartbeat.
            let live = nodes.iter().filter(|node| node.heartbeat.capacity > 0);
            let live = live.count();
            if safe_mode.is_none() && live >= self.datanodes.len() {
                return Ok(());
            }
            ensure!(
                began.elapsed() < deadline,
                "not ready after {deadline:?}: {live} of {} DataNodes are live. {}",
                self.datanodes.len(),
                safe_mode.unwrap_or_default()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends all processes, in order: what the DataNodes have to say is still heard.
    pub fn stop(&mut self) {
        self.datanodes.iter_mut().for_each(Server::ask_to_stop);
        for server in self.datanodes.iter_mut().chain([&mut self.namenode]) {
            server.stop(END_MAX);
        }
    }
}

fn server(program: &Path, command: &str, dir: &Path, name: &str, options: &Options) -> Server {
    let root = dir.join(name);
    let data = match (command, options.volumes) {
        ("namenode", _) | (_, 0 | 1) => root.display().to_string(),
        (_, volumes) => {
            let dirs = (1..=volumes).map(|n| root.join(format!("data{n}")).display().to_string());
            dirs.collect::<Vec<String>>().join(",")
        }
    };
    let mut args = vec![
        command.to_owned(),
        "--exit-with-stdin".to_owned(),
        "--dir".to_owned(),
        data,
    ];
    if command == "namenode" {
        args.push("--format-if-new".to_owned());
    }
    // All DataNodes start together, so nothing is gained by waiting for more of them. The user's own settings come
    // later, and count.
    let quick = "dfs.namenode.safemode.extension=0";
    for setting in [quick]
        .into_iter()
        .chain(options.define.iter().map(String::as_str))
    {
        args.extend(["-D".to_owned(), setting.to_owned()]);
    }
    let server = Server::new(program, args).logging_to(dir.join(format!("{name}.log")));
    match options.chaos {
        true => server.listening("--chaos", "chaos", "127.0.0.1:0"),
        false => server,
    }
}

/// Runs a cluster until it is asked to end.
///
/// # Errors
/// When it does not start.
pub fn run(options: &Options) -> Result<()> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Removed when it goes out of scope, after the processes that write to it.
    let temporary = match options.dir {
        Some(_) => None,
        None => Some(TempDir::with_prefix("mini-hdfs-")?),
    };
    let dir = match (&options.dir, &temporary) {
        (Some(dir), _) => dir.as_path(),
        (None, Some(temporary)) => temporary.path(),
        (None, None) => bail!("no directory"),
    };
    runtime.block_on(async {
        let mut end = std::pin::pin!(lifetime::end_requested(options.exit_with_stdin));
        let start = {
            let (options, dir) = (options.clone(), dir.to_owned());
            tokio::task::spawn_blocking(move || Cluster::start(&program, &options, &dir))
        };
        // Asked to end while it starts, the cluster ends once it has started.
        let mut asked = false;
        let mut start = std::pin::pin!(start);
        let started = loop {
            tokio::select! {
                started = &mut start => break started,
                () = &mut end, if !asked => asked = true,
            }
        };
        let mut cluster = started??;
        let ran = if asked {
            Ok(())
        } else {
            tokio::select! {
                ran = attend(&mut cluster, options) => ran,
                () = end => Ok(()),
            }
        };
        cluster.stop();
        ran
    })
}

/// Tells how to reach the cluster, then tells of processes that end.
async fn attend(cluster: &mut Cluster, options: &Options) -> Result<()> {
    cluster.ready(SAFE_MODE_MAX).await?;
    describe(cluster, options)?;
    let mut gone = vec![false; cluster.datanodes.len() + 1];
    loop {
        tokio::time::sleep(LOOK).await;
        let all = [&mut cluster.namenode].into_iter();
        for (i, server) in all.chain(&mut cluster.datanodes).enumerate() {
            if !server.is_running() && !std::mem::replace(&mut gone[i], true) {
                let log = server.log().unwrap_or(Path::new("")).display();
                writeln!(io::stderr(), "a process has ended; see {log}")?;
            }
        }
    }
}

/// What a shell can evaluate goes to the standard output, the rest to standard error.
fn describe(cluster: &Cluster, options: &Options) -> Result<()> {
    let mut err = io::stderr().lock();
    let http = cluster.namenode.address("http").unwrap_or_default();
    let disks = |server: &Server| {
        let orders = server.address("chaos");
        orders.map_or_else(String::new, |address| format!("  http://{address}/chaos"))
    };
    let chaos = disks(&cluster.namenode);
    writeln!(
        err,
        "NameNode  {}  http://{http}/{chaos}",
        cluster.address()?
    )?;
    for (i, datanode) in (0..options.datanodes).zip(&cluster.datanodes) {
        let address = datanode.address("address").unwrap_or_default();
        writeln!(
            err,
            "dn{:<7} {address}  /rack{}{}",
            i + 1,
            i % options.racks + 1,
            disks(datanode)
        )?;
    }
    writeln!(err, "Ctrl-C ends it. To use it from another shell:")?;
    let mut out = io::stdout().lock();
    writeln!(out, "export MINI_HDFS_NAMENODE={}", cluster.address()?)?;
    Ok(out.flush()?)
}
