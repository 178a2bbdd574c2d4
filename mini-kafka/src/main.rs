//! `mini-kafka`: the broker and its tools, in one program.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mini_kafka::server;

/// Kafka in miniature: one broker, and the tools around it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a broker
    Server(server::Options),
    /// Make, show, enlarge and delete topics
    Topics(cli::topics::Options),
    /// Send lines as records
    ConsoleProducer(cli::console::ProducerOptions),
    /// Show records
    ConsoleConsumer(cli::console::ConsumerOptions),
    /// Show groups, and move what they have committed
    ConsumerGroups(cli::consumer_groups::Options),
    /// Show and change settings
    Configs(cli::configs::Options),
    /// Delete records before an offset
    DeleteRecords(cli::delete_records::Options),
    /// Show what segments, their indexes and snapshots hold
    DumpLog(cli::dump_log::Options),
    /// Measure
    #[command(subcommand)]
    Perf(cli::perf::Options),
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    // Tools say what failed by themselves, and meanwhile what they try again; RUST_LOG shows more.
    let default = if matches!(command, Command::Server(_)) {
        "info"
    } else {
        "warn"
    };
    let service = match command {
        Command::Server(_) => "broker",
        _ => "client",
    };
    let _tracing = traces::init("mini-kafka", service, default);
    let ran = match command {
        Command::Server(options) => server::run(&options),
        Command::Topics(options) => cli::topics::run(&options),
        Command::ConsoleProducer(options) => cli::console::produce(&options),
        Command::ConsoleConsumer(options) => cli::console::consume(&options),
        Command::ConsumerGroups(options) => cli::consumer_groups::run(&options),
        Command::Configs(options) => cli::configs::run(&options),
        Command::DeleteRecords(options) => cli::delete_records::run(&options),
        Command::DumpLog(options) => cli::dump_log::run(&options),
        Command::Perf(options) => cli::perf::run(&options),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mini-kafka: {error:#}");
            ExitCode::FAILURE
        }
    }
}
