//! `mini-mapreduce`: jobs, and what runs them, in one program.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mini_mapreduce::server::{cluster, coordinator, worker};

/// MapReduce in miniature.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a job: in this process, on all cores, or on a cluster
    Run(cli::run::Options),
    /// Hadoop Streaming: run a job whose mapper and reducer are any programs, under Hadoop's options; -help lists them
    #[command(disable_help_flag = true)]
    Streaming(cli::streaming::Options),
    /// Run a coordinator
    Coordinator(coordinator::Options),
    /// Run a worker
    Worker(worker::Options),
    /// List a coordinator's jobs, show one with its attempts and counters, or end one
    Jobs(cli::jobs::Options),
    /// Run a coordinator and workers on this machine, as child processes
    Cluster(cluster::Options),
    /// List the programs that there are
    Programs,
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let service = match command {
        Command::Coordinator(_) => "coordinator",
        Command::Worker(_) => "worker",
        _ => "client",
    };
    let _tracing = traces::init("mini-mapreduce", service, "warn");
    let result = match command {
        Command::Run(options) => cli::run::run(&options),
        Command::Streaming(options) => cli::streaming::run(&options),
        Command::Coordinator(options) => cli::block_on(coordinator::run(options)),
        Command::Worker(options) => cli::block_on(worker::run(options)),
        Command::Jobs(options) => cli::block_on(cli::jobs::run(options)),
        Command::Cluster(options) => cli::block_on(cluster::run(options)),
        Command::Programs => {
            cli::programs();
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mini-mapreduce: {error:#}");
            ExitCode::FAILURE
        }
    }
}
