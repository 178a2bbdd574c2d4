//! How a member calls the others: a connection to each, with a line for each topic, made when they are first needed. Deadlines are the callers'.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use thiserror::Error;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::connector::{Connector, never_sent};
use super::identity::Identity;
use super::kv_server::urls;
use super::line::{Line, LineError, Topic};
use super::members::Member;
use super::metrics;
use super::urls::Url;
use super::wire::peer::peer_client::PeerClient;
use super::wire::peer::{MembersRequest, Message};
use crate::consensus::{self, Transport, TransportError};

/// The longest message between members: a batch of entries, each of which may be as long as a request, or a chunk of a snapshot.
pub(crate) const MESSAGE_MAX: usize = 64 << 20;

/// A longer message is sent by itself, so that shorter ones overtake it: heartbeats above all.
pub(super) const SHORT_BYTES: usize = 256 << 10;

/// What a member answers to one that was removed: there is no way back.
pub(crate) const REMOVED: &str = "the member has been permanently removed from the cluster";
/// What a member answers to one of another cluster.
pub(crate) const OTHER_CLUSTER: &str = "cluster ID mismatch";

/// Why a call came to nothing.
#[derive(Debug, Error)]
pub enum PeerError {
    /// It has no URL that can be dialled.
    #[error("member {0:x} has no peer URL that can be called")]
    NoUrl(u64),
    /// There was no connection, or it was refused unread: it has certainly not been done.
    #[error("member {to:x} cannot be reached: {status}")]
    Unsent {
        /// Whom.
        to: u64,
        /// Why.
        status: Status,
    },
    /// It did not answer, or refused. Whether it got it is not known.
    #[error("member {to:x}: {status}")]
    Failed {
        /// Whom.
        to: u64,
        /// What came back.
        status: Status,
    },
}

/// Calls other members. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Peers {
    identity: Identity,
    connector: Connector,
    ways: Arc<Mutex<BTreeMap<u64, Way>>>,
    /// Told when another member says that this one was removed.
    removed: Arc<tokio::sync::Notify>,
}

/// How a member is called.
#[derive(Debug)]
struct Way {
    url: Url,
    client: PeerClient<Channel>,
    raft: Line,
    leader: Line,
}

impl Peers {
    /// Calls made in the name of `identity`.
    pub fn new(identity: Identity, connector: Connector) -> Peers {
        Peers {
            identity,
            connector,
            ways: Arc::default(),
            removed: Arc::default(),
        }
    }

    /// Waits until another member says that this one was removed.
    pub async fn removed(&self) {
        self.removed.notified().await;
    }

    /// Sends a message of the consensus; what comes back is its answer.
    ///
    /// # Errors
    /// When none comes.
    pub async fn raft(&self, to: u64, urls: &[Url], body: Bytes) -> Result<Bytes, PeerError> {
        metrics::peer_sent(to, body.len());
        let (is_short, began) = (body.len() <= SHORT_BYTES, Instant::now());
        let answer = self.ask(to, urls, Topic::Raft, body).await?;
        if is_short {
            metrics::peer_answered(to, began.elapsed());
        }
        Ok(answer)
    }

    /// Asks the leader for what only it can do.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn leader(&self, to: u64, urls: &[Url], body: Bytes) -> Result<Bytes, PeerError> {
        self.ask(to, urls, Topic::Leader, body).await
    }

    async fn ask(
        &self,
        to: u64,
        urls: &[Url],
        topic: Topic,
        body: Bytes,
    ) -> Result<Bytes, PeerError> {
        let message = Message {
            cluster_id: self.identity.cluster_id,
            from: self.identity.member_id,
            to,
            body,
        };
        let (line, mut client) = self.way(to, urls, topic)?;
        let answer = if message.body.len() <= SHORT_BYTES {
            line.ask(message).await
        } else {
            let answer = match topic {
                Topic::Raft => client.long_raft(message).await,
                Topic::Leader => client.long_leader(message).await,
            };
            let answer = answer.map(|answer| answer.into_inner().body);
            answer.map_err(|status| match never_sent(&status) {
                true => LineError::Unsent(status),
                false => LineError::Failed(status),
            })
        };
        answer.map_err(|error| self.failed(to, urls, error))
    }

    fn failed(&self, to: u64, urls: &[Url], error: LineError) -> PeerError {
        let (status, is_sent) = match error {
            LineError::Unsent(status) => (status, false),
            LineError::Failed(status) => (status, true),
        };
        if status.code() == Code::FailedPrecondition && status.message() == REMOVED {
            self.removed.notify_one();
        }
        if status.code() == Code::Unavailable {
            self.try_next(to, urls);
        }
        metrics::peer_failed(to);
        match is_sent {
            true => PeerError::Failed { to, status },
            false => PeerError::Unsent { to, status },
        }
    }

    /// The next call goes to the member's next URL, if it has several and the connection to this one is lost.
    fn try_next(&self, to: u64, urls: &[Url]) {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = ways
            .get(&to)
            .filter(|way| urls.len() > 1 && (way.raft.has_ended() || way.leader.has_ended()));
        let at = lost.and_then(|way| urls.iter().position(|url| *url == way.url));
        if let Some(at) = at
            && let Ok(way) = self.dial(to, &urls[(at + 1) % urls.len()])
        {
            ways.insert(to, way);
        }
    }

    fn dial(&self, to: u64, url: &Url) -> Result<Way, PeerError> {
        let channel = self.connector.channel(url);
        let client = PeerClient::new(channel.map_err(|_| PeerError::NoUrl(to))?)
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX);
        Ok(Way {
            url: url.clone(),
            raft: Line::open(client.clone(), Topic::Raft),
            leader: Line::open(client.clone(), Topic::Leader),
            client,
        })
    }

    /// The way to a member; made, or made again, where there is none.
    fn way(
        &self,
        to: u64,
        urls: &[Url],
        topic: Topic,
    ) -> Result<(Line, PeerClient<Channel>), PeerError> {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if ways.get(&to).is_none_or(|way| !urls.contains(&way.url)) {
            let url = urls.first().ok_or(PeerError::NoUrl(to))?;
            ways.insert(to, self.dial(to, url)?);
        }
        let way = ways.get_mut(&to).ok_or(PeerError::NoUrl(to))?;
        let line = match topic {
            Topic::Raft => &mut way.raft,
            Topic::Leader => &mut way.leader,
        };
        if line.has_ended() {
            *line = Line::open(way.client.clone(), topic);
        }
        Ok((line.clone(), way.client.clone()))
    }
}

impl Transport for Peers {
    async fn call(
        &self,
        to: u64,
        member: &consensus::Member,
        message: Bytes,
    ) -> Result<Bytes, TransportError> {
        let sent = self.raft(to, &urls(member), message).await;
        sent.map_err(|error| match error {
            PeerError::Failed { status, .. } if status.code() != Code::Unavailable => {
                TransportError::Broken(status.to_string())
            }
            other => TransportError::Unreachable(other.to_string()),
        })
    }
}

/// Asks at `url` who belongs to its cluster: the cluster's id, and its members.
///
/// # Errors
/// When nobody answers sensibly.
pub async fn members_at(connector: Connector, url: &Url) -> anyhow::Result<(u64, Vec<Member>)> {
    let mut client = PeerClient::new(connector.channel(url)?);
    let answer = client.members(MembersRequest {}).await?.into_inner();
    Ok((answer.cluster_id, postcard::from_bytes(&answer.members)?))
}
