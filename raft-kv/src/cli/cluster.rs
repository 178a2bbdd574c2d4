//! `member`, `endpoint`, `move-leader`, `alarm`.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use raft_kv::client::{Client, ClientError, pb};
use raft_kv::server::urls::Url;

use super::{Connection, id};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum MemberCommand {
    /// List the members
    List,
    /// Add a member
    Add {
        /// Its name
        name: String,
        /// Where other members will call it
        #[arg(long, value_name = "URLS", value_delimiter = ',', required = true)]
        peer_urls: Vec<String>,
        /// Without a vote
        #[arg(long)]
        learner: bool,
    },
    /// Remove a member for good
    Remove {
        /// The member
        id: String,
    },
    /// Say where a member is called from now on
    Update {
        /// The member
        id: String,
        /// Where other members will call it
        #[arg(long, value_name = "URLS", value_delimiter = ',', required = true)]
        peer_urls: Vec<String>,
    },
    /// Give a learner a vote
    Promote {
        /// The member
        id: String,
    },
}

pub(crate) async fn member(connection: &Connection, command: &MemberCommand) -> Result<()> {
    let client = connection.client()?;
    match command {
        MemberCommand::List => {
            for member in client.members().await?.members {
                let started = if member.name.is_empty() {
                    "unstarted"
                } else {
                    "started"
                };
                let (peers, clients) = (member.peer_ur_ls.join(","), member.client_ur_ls.join(","));
                let (id, name, learner) = (member.id, member.name, member.is_learner);
                say!("{id:x}, {started}, {name}, {peers}, {clients}, {learner}");
            }
        }
        MemberCommand::Add {
            name,
            peer_urls,
            learner,
        } => {
            let added = client.member_add(peer_urls.clone(), *learner).await?;
            let cluster = added.header.map_or(0, |header| header.cluster_id);
            let new = added
                .member
                .context("the server did not say which member it added")?;
            say!("Member {:16x} added to cluster {cluster:16x}\n", new.id);
            let named = added.members.iter().flat_map(|member| {
                let name = if member.id == new.id {
                    name
                } else {
                    &member.name
                };
                member
                    .peer_ur_ls
                    .iter()
                    .map(move |url| format!("{name}={url}"))
            });
            say!("ETCD_NAME=\"{name}\"");
            say!(
                "ETCD_INITIAL_CLUSTER=\"{}\"",
                named.collect::<Vec<_>>().join(",")
            );
            say!(
                "ETCD_INITIAL_ADVERTISE_PEER_URLS=\"{}\"",
                peer_urls.join(",")
            );
            say!("ETCD_INITIAL_CLUSTER_STATE=\"existing\"");
        }
        MemberCommand::Remove { id: member } => {
            let member = id(member)?;
            let cluster = client.member_remove(member).await?;
            say!("Member {member:16x} removed from cluster {cluster:16x}");
        }
        MemberCommand::Update {
            id: member,
            peer_urls,
        } => {
            let member = id(member)?;
            let cluster = client.member_update(member, peer_urls.clone()).await?;
            say!("Member {member:16x} updated in cluster {cluster:16x}");
        }
        MemberCommand::Promote { id: member } => {
            let member = id(member)?;
            let cluster = client.member_promote(member).await?;
            say!("Member {member:16x} promoted in cluster {cluster:16x}");
        }
    }
    Ok(())
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum EndpointCommand {
    /// Show how each endpoint is
    Status(All),
    /// Try whether each endpoint can do its work
    Health(All),
    /// Show a hash of all keys, of each endpoint
    Hashkv {
        #[command(flatten)]
        all: All,
        /// Up to this revision
        #[arg(long, default_value_t = 0)]
        rev: i64,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct All {
    /// All members' endpoints, not only those that are named
    #[arg(long)]
    cluster: bool,
}

/// Each endpoint with its client.
async fn endpoints(connection: &Connection, all: &All) -> Result<Vec<(Url, Client)>> {
    let client = connection.client()?;
    if !all.cluster {
        return Ok(client.each().collect());
    }
    let members = client.members().await?.members;
    let urls: Vec<String> = members
        .into_iter()
        .flat_map(|member| member.client_ur_ls)
        .collect();
    let each = Client::new(&urls)?.each().collect();
    Ok(each)
}

pub(crate) async fn endpoint(connection: &Connection, command: &EndpointCommand) -> Result<()> {
    let mut failed = false;
    let mut tell = |endpoint: &Url, told: Result<String, ClientError>| match told {
        Ok(line) => say!("{endpoint}{line}"),
        Err(error) => {
            failed = true;
            eprintln!("{endpoint}: {error}");
        }
    };
    match command {
        EndpointCommand::Status(all) => {
            for (endpoint, client) in endpoints(connection, all).await? {
                tell(
                    &endpoint,
                    client.status().await.map(|status| status_line(&status)),
                );
            }
        }
        EndpointCommand::Health(all) => {
            for (endpoint, client) in endpoints(connection, all).await? {
                let began = Instant::now();
                let healthy = client.get("health").await;
                tell(
                    &endpoint,
                    healthy.map(|_| {
                        format!(
                            " is healthy: successfully committed proposal: took = {:?}",
                            began.elapsed()
                        )
                    }),
                );
            }
        }
        EndpointCommand::Hashkv { all, rev } => {
            for (endpoint, client) in endpoints(connection, all).await? {
                tell(
                    &endpoint,
                    client
                        .hash_kv(*rev)
                        .await
                        .map(|hash| format!(", {}", hash.hash)),
                );
            }
        }
    }
    if failed {
        bail!("not all endpoints answer");
    }
    Ok(())
}

fn status_line(status: &pb::StatusResponse) -> String {
    let id = status.header.map_or(0, |header| header.member_id);
    format!(
        ", {id:x}, {}, {} B, {}, {}, {}, {}, {}, {}",
        status.version,
        status.db_size,
        id == status.leader,
        status.is_learner,
        status.raft_term,
        status.raft_index,
        status.raft_applied_index,
        status.errors.join("; ")
    )
}

/// What `raft-kv move-leader` can be told.
#[derive(Debug, clap::Args)]
pub(crate) struct MoveLeaderOptions {
    /// The member that shall lead
    id: String,
}

pub(crate) async fn move_leader(
    connection: &Connection,
    options: &MoveLeaderOptions,
) -> Result<()> {
    let to = id(&options.id)?;
    for (_, client) in connection.client()?.each() {
        let Ok(status) = client.status().await else {
            continue;
        };
        let member = status.header.map_or(0, |header| header.member_id);
        if member == status.leader {
            client.move_leader(to).await?;
            say!("Leadership transferred from {member:x} to {to:x}");
            return Ok(());
        }
    }
    bail!("none of the endpoints leads; name all of them with --endpoints")
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum AlarmCommand {
    /// List the alarms that are on
    List,
    /// Turn all alarms off
    Disarm,
}

pub(crate) async fn alarm(connection: &Connection, command: &AlarmCommand) -> Result<()> {
    use pb::alarm_request::AlarmAction;
    let action = match command {
        AlarmCommand::List => AlarmAction::Get,
        AlarmCommand::Disarm => AlarmAction::Deactivate,
    };
    for alarm in connection.client()?.alarm(action).await? {
        say!(
            "memberID:{} alarm:{} ",
            alarm.member_id,
            alarm.alarm().as_str_name()
        );
    }
    Ok(())
}
