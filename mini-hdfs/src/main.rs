//! `mini-hdfs`: the servers and the shell commands, in one program.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mini_hdfs::server::{cluster, datanode, namenode};

/// HDFS in miniature: a NameNode, DataNodes, and the commands of Hadoop's users.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a NameNode
    Namenode(namenode::Options),
    /// Run a DataNode
    Datanode(datanode::Options),
    /// Run a whole cluster on this machine, as child processes
    Cluster(cluster::Options),
    /// Work with files: `mini-hdfs dfs -help` lists the commands
    #[command(disable_help_flag = true)]
    Dfs(cli::Words),
    /// Look after the cluster: -report, -safemode, -refreshNodes, -decommission, -maintenance, -recommission
    #[command(disable_help_flag = true)]
    Dfsadmin(cli::Words),
    /// Mend by hand: recoverLease -path PATH [-retries N]
    #[command(disable_help_flag = true)]
    Debug(cli::Words),
    /// Even out how full DataNodes are
    #[command(disable_help_flag = true)]
    Balancer(cli::Words),
    /// Check files and their blocks: PATH -files -blocks -locations -racks -move -delete -list-corruptfileblocks
    #[command(disable_help_flag = true)]
    Fsck(cli::Words),
    /// Show an edit log as JSON, or make one of it
    Oev(cli::offline::Options),
    /// Show an fsimage as JSON, or make one of it
    Oiv(cli::offline::Options),
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let server = matches!(
        command,
        Command::Namenode(_) | Command::Datanode(_) | Command::Cluster(_)
    );
    // Shell commands say what failed by themselves; RUST_LOG shows how they came to it.
    let default = if server { "info" } else { "off" };
    let service = match command {
        Command::Namenode(_) => "namenode",
        Command::Datanode(_) => "datanode",
        _ => "client",
    };
    let _tracing = traces::init("mini-hdfs", service, default);
    let ran = match command {
        Command::Oev(options) => cli::offline::oev(&options),
        Command::Oiv(options) => cli::offline::oiv(&options),
        Command::Namenode(options) => namenode::run(&options),
        Command::Datanode(options) => datanode::run(&options),
        Command::Cluster(options) => cluster::run(&options),
        Command::Dfs(words) => return cli::run(cli::dfs::run, &words),
        Command::Dfsadmin(words) => return cli::run(cli::admin::run, &words),
        Command::Debug(words) => return cli::run(cli::debug::run, &words),
        Command::Balancer(words) => return cli::balancer::run(&words),
        Command::Fsck(words) => return cli::run(cli::fsck::run, &words),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mini-hdfs: {error:#}");
            ExitCode::FAILURE
        }
    }
}
