//! What the nodes are: the coordinator and the workers of mini-mapreduce, on machines with disks of their own.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, Parser};
use mini_mapreduce::server::{coordinator, files::FileSystems, worker};
use node::DiskFaults;

use super::machines::{self, MachineOptions, Machines};

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

impl Coordinator {
    async fn run(self) -> Result<()> {
        let files = Arc::new(Machines::new(&self.machines, None)?);
        let files = FileSystems::default().reading(files);
        coordinator::run_on(self.options, files).await
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
        let listener = TcpListener::bind(disk);
        let listener = listener.with_context(|| format!("cannot listen at {disk}"))?;
        let address = listener.local_addr()?.to_string();
        let faults = DiskFaults::default();
        machines::serve(listener, disk_dir, faults.clone());
        let files = FileSystems::on(&options.host).reading(files);
        worker::run_on(options, files, faults, &[("disk", address)]).await
    }
}
