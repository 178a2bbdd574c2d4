//! Which member of which cluster a data directory belongs to. It is decided once: from the flags of the first start, or by asking
//! the cluster that is joined. Later starts ignore those flags, as etcd's do.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::connector::Connector;
use super::ids;
use super::members::Member;
use super::peers::members_at;
use super::settings::{ClusterState, Settings};
use super::urls::Url;

const FILE: &str = "member.json";
/// How long a member of the cluster may take to say who belongs to it.
const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// A member's and its cluster's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The cluster.
    pub cluster_id: u64,
    /// The member.
    pub member_id: u64,
}

/// What the first start decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// Who this is.
    pub identity: Identity,
    /// The members that a new cluster begins with; none where this one joined a cluster.
    pub initial: Vec<Member>,
}

impl Birth {
    /// Reads what `dir` says, or decides and writes it.
    ///
    /// # Errors
    /// When the file is damaged, or the flags fit no cluster.
    pub async fn find_or_decide(settings: &Settings, connector: Connector) -> Result<Birth> {
        let path = settings.data_dir.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!(
                    "{} is damaged: restore it, or remove the member and add a new one",
                    path.display()
                )
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let birth = match settings.options.initial_cluster_state {
                    ClusterState::New => begin(settings, connector).await?,
                    ClusterState::Existing => join(settings, connector).await?,
                };
                write(&path, &serde_json::to_vec_pretty(&birth)?)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                Ok(birth)
            }
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
}

/// All or nothing, and durable.
fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = fs::File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    match path.parent() {
        Some(dir) => fs::File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

fn initial_members(settings: &Settings) -> Vec<Member> {
    let token = &settings.options.initial_cluster_token;
    let members = settings.initial_cluster.iter().map(|(name, urls)| Member {
        id: ids::member_id(urls, token, None),
        name: name.clone(),
        peer_urls: urls.clone(),
        client_urls: Vec::new(),
        is_learner: false,
    });
    members.collect()
}

fn own_id(settings: &Settings, members: &[Member]) -> Result<u64> {
    let own = members
        .iter()
        .find(|member| member.name == settings.options.name);
    Ok(own
        .context("--initial-cluster does not name this member")?
        .id)
}

async fn begin(settings: &Settings, connector: Connector) -> Result<Birth> {
    let initial = initial_members(settings);
    let member_id = own_id(settings, &initial)?;
    let cluster_id = ids::cluster_id(initial.iter().map(|member| member.id));
    let others = initial.iter().filter(|member| member.id != member_id);
    let asked = others.flat_map(|member| &member.peer_urls);
    let asked = asked.map(|url| tokio::time::timeout(ASK_TIMEOUT, members_at(connector, url)));
    for answer in futures::future::join_all(asked).await {
        // Nobody there is the usual case; one that has just begun, too, knows of no members yet.
        let Ok(Ok((theirs, members))) = answer else {
            continue;
        };
        let me = members.iter().find(|member| member.id == member_id);
        ensure!(
            theirs != cluster_id
                || members.is_empty()
                || me.is_some_and(|me| me.client_urls.is_empty()),
            "member {member_id:x} has already been bootstrapped: its data is not in {}. Restore it, or remove the member \
             (member remove {member_id:x}), add a new one, and start that with --initial-cluster-state existing",
            settings.data_dir.display()
        );
    }
    Ok(Birth {
        identity: Identity {
            cluster_id,
            member_id,
        },
        initial,
    })
}

async fn join(settings: &Settings, connector: Connector) -> Result<Birth> {
    let name = &settings.options.name;
    let others = settings
        .initial_cluster
        .iter()
        .filter(|(other, _)| *other != name);
    let others: Vec<&Url> = others.flat_map(|(_, urls)| urls).collect();
    ensure!(
        !others.is_empty(),
        "--initial-cluster names no other member of the cluster to join"
    );
    let mut refused = Vec::new();
    for url in others {
        match tokio::time::timeout(ASK_TIMEOUT, members_at(connector, url)).await {
            Ok(Ok((cluster_id, members))) => {
                let fits = |member: &&Member| {
                    let mut theirs = member.peer_urls.clone();
                    let mut ours = settings.advertise_peer.clone();
                    theirs.sort();
                    ours.sort();
                    theirs == ours
                };
                let Some(me) = members.iter().find(fits) else {
                    bail!(
                        "the cluster at {url} has no member with the peer URLs {}; add it first: member add {name} --peer-urls=…",
                        list(&settings.advertise_peer)
                    );
                };
                ensure!(
                    !me.is_started(),
                    "member {:x} of the cluster at {url} was started before, with another --data-dir; remove it and add a new one",
                    me.id
                );
                let identity = Identity {
                    cluster_id,
                    member_id: me.id,
                };
                return Ok(Birth {
                    identity,
                    initial: Vec::new(),
                });
            }
            Ok(Err(error)) => refused.push(format!("{url}: {error:#}")),
            Err(_) => refused.push(format!("{url}: no answer within {ASK_TIMEOUT:?}")),
        }
    }
    bail!(
        "no member of the cluster to join answers ({})",
        refused.join("; ")
    )
}

fn list(urls: &[Url]) -> String {
    urls.iter()
        .map(Url::to_string)
        .collect::<Vec<_>>()
        .join(",")
}
