//! `lease grant|revoke|timetolive|list|keep-alive`.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{Connection, interrupted, lease_id};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Grant a lease of TTL seconds
    Grant {
        /// Seconds
        ttl: i64,
    },
    /// End a lease, and delete its keys
    Revoke {
        /// The lease
        id: String,
    },
    /// Show how long a lease lasts yet
    Timetolive {
        /// The lease
        id: String,
        /// Show its keys
        #[arg(long)]
        keys: bool,
    },
    /// List all leases
    List,
    /// Keep a lease alive
    KeepAlive {
        /// The lease
        id: String,
        /// Once
        #[arg(long)]
        once: bool,
    },
}

pub(crate) async fn run(connection: &Connection, command: &Command) -> Result<()> {
    let client = connection.client()?;
    match command {
        Command::Grant { ttl } => {
            let (id, ttl) = client.lease_grant(*ttl, 0).await?;
            say!("lease {id:016x} granted with TTL({ttl}s)");
        }
        Command::Revoke { id } => {
            let id = lease_id(id)?;
            client.lease_revoke(id).await?;
            say!("lease {id:016x} revoked");
        }
        Command::Timetolive { id, keys } => {
            let lease = client.lease_time_to_live(lease_id(id)?, *keys).await?;
            if lease.ttl < 0 {
                say!("lease {:016x} already expired", lease.id);
                return Ok(());
            }
            let attached: Vec<_> = lease
                .keys
                .iter()
                .map(|key| String::from_utf8_lossy(key))
                .collect();
            let attached = if *keys {
                format!(", attached keys([{}])", attached.join(" "))
            } else {
                String::new()
            };
            let (id, granted, left) = (lease.id, lease.granted_ttl, lease.ttl);
            say!("lease {id:016x} granted with TTL({granted}s), remaining({left}s){attached}");
        }
        Command::List => {
            let leases = client.leases().await?;
            say!("found {} leases", leases.len());
            for id in leases {
                say!("{id:016x}");
            }
        }
        Command::KeepAlive { id, once } => {
            let id = lease_id(id)?;
            loop {
                let ttl = client.lease_keep_alive(id).await?;
                if ttl <= 0 {
                    bail!("lease {id:016x} expired or revoked.");
                }
                say!("lease {id:016x} keepalived with TTL({ttl})");
                if *once {
                    return Ok(());
                }
                let third = Duration::from_secs(u64::try_from(ttl).unwrap_or(1)) / 3;
                tokio::select! {
                    () = tokio::time::sleep(third) => {}
                    () = interrupted() => return Ok(()),
                }
            }
        }
    }
    Ok(())
}
