//! `lock` and `elect`: hold a lock, or lead, as long as a program runs or until Ctrl-C.

use std::process::ExitStatus;

use anyhow::{Context, Result, bail};
use raft_kv::client::recipes::{Election, Mutex};
use raft_kv::client::session::Session;

use super::kv::show;
use super::{Connection, interrupted, print_line};

/// What `raft-kv lock` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct LockOptions {
    /// The lock's name
    name: String,
    /// Seconds after which the lock is free again if this process ends without a word
    #[arg(long, default_value_t = 10)]
    ttl: i64,
    /// Run this while the lock is held, and end with its exit code [default: show the key, and hold it until Ctrl-C]
    #[arg(trailing_var_arg = true)]
    program: Vec<String>,
}

pub(crate) async fn lock(connection: &Connection, options: &LockOptions) -> Result<()> {
    let client = connection.client()?;
    let session = Session::begin(&client, options.ttl).await?;
    let mutex = Mutex::new(&client, &options.name);
    let place = tokio::select! {
        place = mutex.lock(&session) => place?,
        () = interrupted() => return Ok(session.close().await?),
    };
    let Some((program, words)) = options.program.split_first() else {
        print_line(&place.key);
        tokio::select! {
            () = interrupted() => return Ok(session.close().await?),
            () = session.ended() => bail!("the lock is lost: its lease has ended"),
        }
    };
    let mut child = tokio::process::Command::new(program)
        .args(words)
        .env(
            "ETCD_LOCK_KEY",
            String::from_utf8_lossy(&place.key).as_ref(),
        )
        .env("ETCD_LOCK_REV", place.created.to_string())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let status: ExitStatus = tokio::select! {
        status = child.wait() => status?,
        // What it does it may no longer do alone.
        () = session.ended() => bail!("the lock is lost: its lease has ended; {program} was killed"),
    };
    session.close().await?;
    std::process::exit(status.code().unwrap_or(1));
}

/// What `raft-kv elect` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct ElectOptions {
    /// The election's name
    name: String,
    /// What the leader has to say
    #[arg(required_unless_present = "listen")]
    proposal: Option<String>,
    /// Show each leader
    #[arg(short, long, conflicts_with = "proposal")]
    listen: bool,
    /// Seconds after which another one leads if this process ends without a word
    #[arg(long, default_value_t = 60)]
    ttl: i64,
}

pub(crate) async fn elect(connection: &Connection, options: &ElectOptions) -> Result<()> {
    let client = connection.client()?;
    let election = Election::new(&client, &options.name);
    if options.listen {
        let mut known = 0;
        loop {
            let leader = tokio::select! {
                leader = election.observe(known) => leader?,
                () = interrupted() => return Ok(()),
            };
            known = leader.mod_revision;
            show(&leader);
        }
    }
    let session = Session::begin(&client, options.ttl).await?;
    let proposal = options.proposal.clone().unwrap_or_default();
    tokio::select! {
        place = election.campaign(&session, proposal.clone()) => {
            print_line(&place?.key);
            say!("{proposal}");
        }
        () = interrupted() => return Ok(session.close().await?),
    }
    tokio::select! {
        () = interrupted() => Ok(session.close().await?),
        () = session.ended() => bail!("the leadership is lost: its lease has ended"),
    }
}
