//! A whole cluster on one machine: `raft-kv cluster` runs the same program again as each of its members, and ends them when it ends.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use servers::{Server, lifetime};
use tempfile::TempDir;

use crate::client::Client;

/// How long each process may take to start, and all of them to have a leader.
const START_MAX: Duration = Duration::from_secs(30);
/// How long each may take to end when asked to.
const END_MAX: Duration = Duration::from_secs(5);
/// Between two looks.
const POLL: Duration = Duration::from_millis(50);

/// What `raft-kv cluster` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many members
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub members: u16,
    /// Keep everything in DIR, and find it there the next time [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
    /// Flags of `raft-kv serve` for every member
    #[arg(last = true, value_name = "FLAGS")]
    pub flags: Vec<String>,
}

/// Members as child processes. Dropping it kills them all.
#[derive(Debug)]
pub struct LocalCluster {
    /// The members, called `m1`, `m2`, …; each has the addresses `client` and `peer`.
    pub members: Vec<Server>,
}

/// Where the members are: kept, since peers must find each other again.
#[derive(Serialize, Deserialize)]
struct Ports {
    client: Vec<u16>,
    peer: Vec<u16>,
}

impl Ports {
    /// Ports that were free a moment ago.
    fn choose(members: u16) -> Result<Ports> {
        let mut client = servers::free_ports(2 * usize::from(members))?;
        let peer = client.split_off(usize::from(members));
        Ok(Ports { client, peer })
    }

    fn find_or_choose(dir: &Path, members: u16) -> Result<Ports> {
        let path = dir.join("cluster.json");
        if let Ok(text) = fs::read(&path) {
            let ports: Ports = serde_json::from_slice(&text)
                .with_context(|| format!("{} is damaged", path.display()))?;
            ensure!(
                ports.peer.len() == usize::from(members),
                "{} holds a cluster of {} members; start it with --members {0}",
                dir.display(),
                ports.peer.len()
            );
            return Ok(ports);
        }
        let ports = Ports::choose(members)?;
        fs::write(&path, serde_json::to_vec(&ports)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(ports)
    }
}

impl LocalCluster {
    /// Members that are not started yet: each has a directory in `dir`, and a log beside it.
    ///
    /// # Errors
    /// When `dir` cannot be used.
    pub fn prepare(
        program: &Path,
        members: u16,
        dir: &Path,
        flags: &[String],
    ) -> Result<LocalCluster> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let ports = Ports::find_or_choose(dir, members)?;
        let all: Vec<String> = ports
            .peer
            .iter()
            .enumerate()
            .map(|(i, port)| format!("m{}=http://127.0.0.1:{port}", i + 1))
            .collect();
        let member = |i: usize| {
            let name = format!("m{}", i + 1);
            let peer = format!("http://127.0.0.1:{}", ports.peer[i]);
            let client = format!("http://127.0.0.1:{}", ports.client[i]);
            let data_dir = dir.join(&name).display().to_string();
            let args = [
                "serve",
                "--exit-with-stdin",
                "--name",
                &name,
                "--data-dir",
                &data_dir,
                "--initial-cluster",
                &all.join(","),
            ];
            let args = args
                .map(str::to_owned)
                .into_iter()
                .chain(flags.iter().cloned());
            Server::new(program, args)
                .logging_to(dir.join(format!("{name}.log")))
                .listening("--listen-peer-urls", "peer", &peer)
                .listening("--listen-client-urls", "client", &client)
        };
        let members = (0..usize::from(members)).map(member).collect();
        Ok(LocalCluster { members })
    }

    /// Starts all members that do not run, side by side.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(&mut self) -> Result<()> {
        thread::scope(|scope| {
            let idle = self
                .members
                .iter_mut()
                .filter_map(|member| (!member.is_running()).then_some(member));
            let starting: Vec<_> = idle
                .map(|member| scope.spawn(move || member.start(START_MAX)))
                .collect();
            starting
                .into_iter()
                .try_for_each(|started| match started.join() {
                    Ok(started) => started,
                    Err(_) => bail!("a thread panicked"),
                })
        })
    }

    /// Where clients call the members.
    pub fn endpoints(&self) -> Vec<String> {
        let addresses = self
            .members
            .iter()
            .filter_map(|member| member.address("client"));
        addresses.map(str::to_owned).collect()
    }

    /// Waits until somebody leads.
    ///
    /// # Errors
    /// When that takes too long.
    pub async fn ready(&self) -> Result<Client> {
        let client = Client::new(&self.endpoints())?.with_timeout(START_MAX);
        let began = Instant::now();
        // All have told their names once the list says so.
        loop {
            let members = client.members().await.context("no leader")?.members;
            if members.len() >= self.members.len()
                && members.iter().all(|member| !member.client_ur_ls.is_empty())
            {
                return Ok(client);
            }
            ensure!(
                began.elapsed() < START_MAX,
                "not all members are there after {START_MAX:?}: {members:?}"
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends all processes in order.
    pub fn stop(&mut self) {
        self.members.iter_mut().for_each(Server::ask_to_stop);
        self.members
            .iter_mut()
            .for_each(|member| member.stop(END_MAX));
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
    let temporary = TempDir::with_prefix("raft-kv-")?;
    let dir = options.dir.as_deref().unwrap_or(temporary.path());
    let mut cluster = LocalCluster::prepare(&program, options.members, dir, &options.flags)?;
    cluster.start()?;
    let ran = runtime.block_on(async {
        cluster.ready().await?;
        describe(&cluster)?;
        let mut gone = vec![false; cluster.members.len()];
        let mut end = std::pin::pin!(lifetime::end_requested(options.exit_with_stdin));
        loop {
            tokio::select! {
                () = &mut end => return Ok(()),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            for (member, gone) in cluster.members.iter_mut().zip(&mut gone) {
                if !member.is_running() && !std::mem::replace(gone, true) {
                    let log = member.log().unwrap_or(Path::new("")).display();
                    writeln!(io::stderr(), "a member has ended; see {log}")?;
                }
            }
        }
    });
    cluster.stop();
    ran
}

/// What a shell can evaluate goes to the standard output, the rest to standard error.
fn describe(cluster: &LocalCluster) -> Result<()> {
    let mut err = io::stderr().lock();
    for (i, endpoint) in cluster.endpoints().iter().enumerate() {
        writeln!(err, "m{}  {endpoint}", i + 1)?;
    }
    writeln!(err, "Ctrl-C ends it. To use it from another shell:")?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "export ETCDCTL_ENDPOINTS={}",
        cluster.endpoints().join(",")
    )?;
    Ok(out.flush()?)
}
