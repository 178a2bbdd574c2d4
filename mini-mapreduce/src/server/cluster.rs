//! A whole cluster on one machine: `mini-mapreduce cluster` runs the same program again as a coordinator and as workers, and ends them when it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use servers::{Server, lifetime};
use tempfile::TempDir;

/// How long each process may take to start.
const START_MAX: Duration = Duration::from_secs(60);
/// How long each may take to end when asked to.
const END_MAX: Duration = Duration::from_secs(5);

/// What `mini-mapreduce cluster` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many workers
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub workers: u16,
    /// How many maps, and how many reduces, each runs at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub slots: u32,
    /// On how many racks, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub racks: u16,
    /// What the workers' machines are called, each with its number behind; dn puts them beside the DataNodes of `mini-hdfs cluster`
    #[arg(long, value_name = "NAME", default_value = "worker")]
    pub hosts: String,
    /// Keep everything in DIR, and find it there the next time [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Where the coordinator is called; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub listen: String,
    /// Where the job page is; port 0 lets the system choose
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    pub http: String,
    /// How long a worker may be silent before it is taken for dead
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    pub worker_timeout: f64,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
}

/// A coordinator and workers as child processes. Dropping it kills them all.
#[derive(Debug)]
pub struct Cluster {
    /// The coordinator; its addresses are `rpc` and `http`.
    pub coordinator: Server,
    /// The workers; each has the addresses `shuffle` and `http`.
    pub workers: Vec<Server>,
}

impl Cluster {
    /// Starts the cluster that `options` describe, with `program` (one that has the subcommands `coordinator` and `worker`), in `dir`: each process has
    /// a directory there, and a log beside it.
    ///
    /// # Errors
    /// When a process does not start. Those that did are ended.
    pub fn start(program: &Path, options: &Options, dir: &Path) -> Result<Cluster> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let timeout = options.worker_timeout.to_string();
        let mut coordinator = server(program, "coordinator", dir, "coordinator")
            .with_args(["--worker-timeout", &timeout])
            .listening("--listen", "rpc", &options.listen)
            .listening("--http", "http", &options.http);
        coordinator.start(START_MAX)?;
        let mut cluster = Cluster {
            coordinator,
            workers: Vec::new(),
        };
        for number in 1..=options.workers {
            let mut worker = cluster.worker(program, options, dir, number)?;
            worker.start(START_MAX)?;
            cluster.workers.push(worker);
        }
        Ok(cluster)
    }

    fn worker(&self, program: &Path, options: &Options, dir: &Path, n: u16) -> Result<Server> {
        let name = format!("worker{n}");
        let rack = format!("/rack{}", (n - 1) % options.racks + 1);
        let host = format!("{}{n}", options.hosts);
        let slots = options.slots.to_string();
        let args = [
            "--coordinator",
            self.address()?,
            "--rack",
            &rack,
            "--host",
            &host,
            "--map-slots",
            &slots,
            "--reduce-slots",
            &slots,
        ];
        let worker = server(program, "worker", dir, &name).with_args(args);
        Ok(worker.listening("--http", "http", "127.0.0.1:0"))
    }

    /// Where the coordinator is called.
    ///
    /// # Errors
    /// When it has never been ready.
    pub fn address(&self) -> Result<&str> {
        let address = self.coordinator.address("rpc");
        address.context("the coordinator has no address")
    }

    /// Where the job page is.
    ///
    /// # Errors
    /// When the coordinator has never been ready.
    pub fn page(&self) -> Result<&str> {
        let address = self.coordinator.address("http");
        address.context("the coordinator has no page")
    }

    /// Ends all processes.
    pub fn stop(&mut self) {
        self.workers.iter_mut().for_each(Server::ask_to_stop);
        for server in self.workers.iter_mut().chain([&mut self.coordinator]) {
            server.stop(END_MAX);
        }
    }
}

fn server(program: &Path, command: &str, dir: &Path, name: &str) -> Server {
    let own = dir.join(name).display().to_string();
    let args = [command, "--exit-with-stdin", "--dir", &own].map(str::to_owned);
    Server::new(program, args).logging_to(dir.join(format!("{name}.log")))
}

/// Runs a cluster until it is asked to end.
///
/// # Errors
/// When it does not start.
pub async fn run(options: Options) -> Result<()> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let temporary = match &options.dir {
        Some(_) => None,
        None => Some(TempDir::with_prefix("mini-mapreduce-")?),
    };
    let chosen = options.dir.as_deref();
    let dir = temporary.as_ref().map(TempDir::path).or(chosen);
    let dir = dir.context("there is no directory")?.to_owned();
    let (started, at) = (options.clone(), dir.clone());
    let starting =
        tokio::task::spawn_blocking(move || Cluster::start(&program, &started, &at)).await?;
    let mut cluster = starting?;
    lifetime::announce(&serde_json::json!({
        "ready": "cluster",
        "coordinator": cluster.address()?,
        "http": cluster.page()?,
        "workers": cluster.workers.len(),
        "dir": dir.display().to_string(),
    }))?;
    lifetime::end_requested(options.exit_with_stdin).await;
    tokio::task::spawn_blocking(move || cluster.stop()).await?;
    Ok(())
}
