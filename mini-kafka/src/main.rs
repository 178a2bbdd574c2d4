//! `mini-kafka`: the broker and its tools, in one program.

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
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let default = match command {
        Command::Server(_) => "info",
    };
    server::log_to_stderr(default);
    let ran = match command {
        Command::Server(options) => server::run(&options),
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mini-kafka: {error:#}");
            ExitCode::FAILURE
        }
    }
}
