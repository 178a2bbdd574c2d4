//! Our systems side by side with what else there is on the same machine, in one run. What differs from machine to machine
//! cancels out in a ratio; and what a system costs says more than how fast it is on processors that it has to itself.
//!
//! `cargo run --release -p benches --bin compare -- hdfs`

mod hdfs;
#[cfg(feature = "compare")]
mod kafka;
#[cfg(unix)]
mod mapreduce;
mod raft;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use report::Report;

#[derive(Parser)]
#[cfg_attr(
    not(feature = "compare"),
    command(after_help = "`kafka` is there with --features compare, which builds librdkafka.")
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// mini-hdfs beside this machine's disk, loopback and processor
    Hdfs(hdfs::Options),
    /// mini-kafka beside Tansu and librdkafka's mock of a broker
    #[cfg(feature = "compare")]
    Kafka(kafka::Options),
    /// This program as one of mini-hdfs' processes
    #[command(flatten)]
    HdfsNode(benches::hdfs::Node),
    /// mini-mapreduce beside PySpark, DuckDB, Polars and coreutils
    #[cfg(unix)]
    Mapreduce(mapreduce::Options),
    /// This program as one of mini-mapreduce's processes
    #[command(flatten)]
    MapreduceNode(benches::mapreduce::Node),
    /// raft-kv beside etcd
    Raft(raft::Options),
    /// This program as a broker
    #[cfg(feature = "compare")]
    #[command(flatten)]
    KafkaNode(kafka::Node),
    /// Bytes of memory for a file in a NameNode
    #[command(hide = true)]
    NamenodeMemory(hdfs::memory::Options),
}

/// What all comparisons can be told.
#[derive(clap::Args)]
struct Common {
    /// How often everything is measured; medians are shown
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeat: u32,
    /// Write the figures as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Common {
    fn show(&self, report: &Report) -> Result<()> {
        report.print(&mut std::io::stdout())?;
        let Some(file) = &self.json else {
            return Ok(());
        };
        let json = serde_json::to_string_pretty(report)?;
        std::fs::write(file, json).with_context(|| format!("cannot write {}", file.display()))
    }
}

fn main() -> ExitCode {
    let ran = match Arguments::parse().command {
        Command::Hdfs(options) => hdfs::run(&options),
        Command::HdfsNode(node) => node.run(),
        #[cfg(unix)]
        Command::Mapreduce(options) => mapreduce::run(&options),
        Command::MapreduceNode(node) => node.run(),
        Command::Raft(options) => raft::run(&options),
        #[cfg(feature = "compare")]
        Command::Kafka(options) => kafka::run(&options),
        #[cfg(feature = "compare")]
        Command::KafkaNode(node) => node.run(),
        Command::NamenodeMemory(options) => hdfs::memory::run(&options),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}
