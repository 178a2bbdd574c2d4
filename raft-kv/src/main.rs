//! `raft-kv`: the server and its tools, in one program.

mod cli;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use raft_kv::server;
use raft_kv::server::etcd_flags::{self, AbsentFlag, Accepted};

/// What comes over gRPC is made and dropped in many small pieces, often by different threads. With this rather than the C library's, a put takes
/// a tenth less of the processor's time (`benches`).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// etcd in miniature: a linearizable store on Raft, and the tools around it.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    connection: cli::Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a member of a cluster; without flags, a cluster of one
    Serve(Box<server::settings::Options>),
    /// Run a whole cluster on this machine, as child processes
    Cluster(server::local_cluster::Options),
    /// Kill and stop members of a cluster on this machine at random, and check what clients saw
    Torture(server::torture::Options),
    /// Read keys
    Get(cli::kv::GetOptions),
    /// Write a key
    Put(cli::kv::PutOptions),
    /// Delete keys
    Del(cli::kv::DelOptions),
    /// Do several things at once, as the standard input says
    Txn,
    /// Forget history
    Compaction(cli::kv::CompactionOptions),
    /// Show what happens to keys
    Watch(cli::watch::Options),
    /// Grant, end, show leases; keep one alive
    #[command(subcommand)]
    Lease(cli::lease::Command),
    /// Hold a lock
    Lock(cli::lock::LockOptions),
    /// Take part in an election, or see who leads
    Elect(cli::lock::ElectOptions),
    /// List, add, remove, move, promote members
    #[command(subcommand)]
    Member(cli::cluster::MemberCommand),
    /// Show how endpoints are
    #[command(subcommand)]
    Endpoint(cli::cluster::EndpointCommand),
    /// Have another member lead
    MoveLeader(cli::cluster::MoveLeaderOptions),
    /// List alarms, or turn them off
    #[command(subcommand)]
    Alarm(cli::cluster::AlarmCommand),
    /// Try what the cluster bears
    #[command(subcommand)]
    Check(Check),
}

#[derive(Subcommand)]
enum Check {
    /// Whether writes are as fast as they should be
    Perf(cli::perf::Options),
}

/// The command line. That of a member may be one for etcd.
fn words() -> Result<Accepted, AbsentFlag> {
    let words: Vec<_> = std::env::args_os().collect();
    if words.get(1).is_some_and(|command| command == "serve") {
        return etcd_flags::accept(words, |variable| std::env::var_os(variable));
    }
    let idle = Vec::new();
    Ok(Accepted { words, idle })
}

fn main() -> ExitCode {
    let accepted = match words() {
        Ok(accepted) => accepted,
        Err(error) => {
            eprintln!("raft-kv: {error}");
            return ExitCode::FAILURE;
        }
    };
    let Arguments {
        connection,
        command,
    } = Arguments::parse_from(accepted.words);
    // Tools say what failed by themselves; RUST_LOG shows how they came to it.
    let default = match command {
        Command::Serve(_) | Command::Cluster(_) => "info,openraft=warn",
        _ => "off",
    };
    server::log_to_stderr(default);
    for flag in accepted.idle {
        tracing::warn!("--{flag} has no effect here");
    }
    let ran = match command {
        Command::Serve(options) => server::run(&options),
        Command::Cluster(options) => server::local_cluster::run(&options),
        Command::Torture(options) => std::env::current_exe()
            .map_err(Into::into)
            .and_then(|program| server::torture::run(&program, &options)),
        Command::Get(options) => cli::block_on(cli::kv::get(&connection, &options)),
        Command::Put(options) => cli::block_on(cli::kv::put(&connection, &options)),
        Command::Del(options) => cli::block_on(cli::kv::del(&connection, &options)),
        Command::Txn => cli::block_on(cli::txn::txn(&connection)),
        Command::Compaction(options) => cli::block_on(cli::kv::compaction(&connection, &options)),
        Command::Watch(options) => cli::block_on(cli::watch::watch(&connection, &options)),
        Command::Lease(command) => cli::block_on(cli::lease::run(&connection, &command)),
        Command::Lock(options) => cli::block_on(cli::lock::lock(&connection, &options)),
        Command::Elect(options) => cli::block_on(cli::lock::elect(&connection, &options)),
        Command::Member(command) => cli::block_on(cli::cluster::member(&connection, &command)),
        Command::Endpoint(command) => cli::block_on(cli::cluster::endpoint(&connection, &command)),
        Command::MoveLeader(options) => {
            cli::block_on(cli::cluster::move_leader(&connection, &options))
        }
        Command::Alarm(command) => cli::block_on(cli::cluster::alarm(&connection, &command)),
        Command::Check(Check::Perf(options)) => {
            cli::block_on(cli::perf::perf(&connection, &options))
        }
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("raft-kv: {error:#}");
            ExitCode::FAILURE
        }
    }
}
