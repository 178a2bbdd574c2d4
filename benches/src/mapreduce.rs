//! mini-mapreduce as processes: the program that measures, run again as a coordinator, as a worker, or as somebody who has a job run.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use mini_mapreduce::job::JobSpec;
use mini_mapreduce::server::client::Client;
use mini_mapreduce::server::{coordinator, local, worker};
use tokio::runtime::Runtime;

/// This program as one of mini-mapreduce's processes.
#[derive(clap::Subcommand)]
pub enum Node {
    /// Run a coordinator
    #[command(hide = true)]
    Coordinator(coordinator::Options),
    /// Run a worker
    #[command(hide = true)]
    Worker(Box<worker::Options>),
    /// Have a job run
    #[command(hide = true)]
    Job(Job),
}

/// A job to be run, in this process or on a cluster.
#[derive(clap::Args)]
pub struct Job {
    /// Its description, as JSON
    spec: PathBuf,
    /// Whose cluster runs it; without one, this process does
    #[arg(long)]
    coordinator: Option<String>,
    /// How many tasks this process runs at once
    #[arg(long, default_value_t = 2)]
    slots: u32,
}

impl Node {
    /// Runs until it is told to end, or the job is over.
    ///
    /// # Errors
    /// The server's, or the job's.
    pub fn run(self) -> Result<()> {
        let runtime = Runtime::new()?;
        match self {
            Node::Coordinator(options) => runtime.block_on(coordinator::run(options)),
            Node::Worker(options) => runtime.block_on(worker::run(*options)),
            Node::Job(job) => job.run(&runtime),
        }
    }
}

impl Job {
    fn run(&self, runtime: &Runtime) -> Result<()> {
        let spec =
            fs::read(&self.spec).with_context(|| format!("cannot read {}", self.spec.display()))?;
        let spec: JobSpec = serde_json::from_slice(&spec)?;
        let Some(address) = &self.coordinator else {
            local::run(&spec, self.slots, |_| {})?;
            return Ok(());
        };
        let ran = runtime.block_on(async {
            // It dials within a runtime alone.
            let mut client = Client::new(address)?;
            client.run(&spec, |_| {}).await
        });
        ran.map(drop)
    }
}
