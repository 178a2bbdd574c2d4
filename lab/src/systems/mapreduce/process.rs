//! What the nodes are: the coordinator and the workers of mini-mapreduce, on machines with disks of their own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser};
use mini_mapreduce::server::{coordinator, files::FileSystems, host::Host, worker};
use node::DiskFaults;
use serde_json::json;

use super::machines::{self, MachineOptions, Machines};
use super::report::{Names, Report};

/// A question is not longer, and comes sooner.
const QUESTION_MAX: u64 = 4096;
const QUESTION_WAIT: Duration = Duration::from_secs(2);

/// A node.
#[derive(Debug, Parser)]
#[command(name = "lab node mapreduce")]
pub(super) enum Node {
    /// Who decides
    Coordinator(Box<Coordinator>),
    /// Who works
    Worker(Box<Worker>),
}

/// The coordinator.
#[derive(Debug, Args)]
pub(super) struct Coordinator {
    #[command(flatten)]
    options: coordinator::Options,
    #[command(flatten)]
    machines: MachineOptions,
    /// Where it tells the lab what it knows
    #[arg(long, value_name = "HOST:PORT")]
    report: SocketAddr,
}

/// A worker.
#[derive(Debug, Args)]
pub(super) struct Worker {
    #[command(flatten)]
    options: worker::Options,
    #[command(flatten)]
    machines: MachineOptions,
    /// The directory that is the disk of its machine
    #[arg(long, value_name = "DIR")]
    disk_dir: PathBuf,
    /// Where others read from that
    #[arg(long, value_name = "HOST:PORT")]
    disk: SocketAddr,
}

impl Node {
    /// Is that node until it ends.
    pub(super) fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            match self {
                Node::Coordinator(node) => node.run().await,
                Node::Worker(node) => node.run().await,
            }
        })
    }
}

fn listen(address: SocketAddr) -> Result<(TcpListener, String)> {
    let listener = TcpListener::bind(address);
    let listener = listener.with_context(|| format!("cannot listen at {address}"))?;
    let address = listener.local_addr()?.to_string();
    Ok((listener, address))
}

impl Coordinator {
    async fn run(self) -> Result<()> {
        let files = Arc::new(Machines::new(&self.machines, None)?);
        let (listener, address) = listen(self.report)?;
        let also = [("report", address)];
        let watch = |host: &Arc<Host>| report(listener, host.clone());
        coordinator::run_on(
            self.options,
            FileSystems::default().reading(files),
            &also,
            watch,
        )
        .await
    }
}

impl Worker {
    async fn run(self) -> Result<()> {
        let Worker {
            mut options,
            machines,
            disk_dir,
            disk,
        } = self;
        options.socks5 = machines.socks;
        let own = (options.host.clone(), disk_dir.clone());
        let files = Arc::new(Machines::new(&machines, Some(own))?);
        let (listener, address) = listen(disk)?;
        let faults = DiskFaults::default();
        machines::serve(listener, disk_dir, faults.clone());
        let files = FileSystems::on(&options.host).reading(files);
        worker::run_on(options, files, faults, &[("disk", address)]).await
    }
}

/// Tells whoever asks, over HTTP, what the coordinator knows.
fn report(listener: TcpListener, host: Arc<Host>) {
    std::thread::spawn(move || {
        let mut names = Names::default();
        for stream in listener.incoming().flatten() {
            // Whoever asked has gone: the next one is not concerned.
            let _ = answer(&stream, &host, &mut names);
        }
    });
}

fn answer(mut stream: &TcpStream, host: &Host, names: &mut Names) -> std::io::Result<()> {
    stream.set_read_timeout(Some(QUESTION_WAIT))?;
    stream.set_write_timeout(Some(QUESTION_WAIT))?;
    let mut question = BufReader::new(stream.take(QUESTION_MAX));
    let mut line = String::new();
    // It ends with an empty line, whatever it is.
    while question.read_line(&mut line)? > "\r\n".len() {
        line.clear();
    }
    let Ok(report) = host.look(|core| Report::of(core, names)) else {
        // Its journal is no good any more: it ends.
        return Ok(());
    };
    let body = json!(report).to_string();
    write!(
        stream,
        "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}"
    )
}
