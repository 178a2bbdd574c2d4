//! `raft-kv`: the server and its tools, in one program.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use raft_kv::server;

/// etcd in miniature: a linearizable store on Raft, and the tools around it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a member of a cluster; without flags, a cluster of one
    Serve(Box<server::settings::Options>),
}

fn main() -> ExitCode {
    let Command::Serve(options) = Arguments::parse().command;
    server::log_to_stderr("info,openraft=warn");
    match server::run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("raft-kv: {error:#}");
            ExitCode::FAILURE
        }
    }
}
