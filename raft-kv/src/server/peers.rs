//! How a member calls the others: a connection to each, made when it is first needed. Deadlines are the callers'.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use thiserror::Error;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::connector::Connector;
use super::identity::Identity;
use super::kv_server::urls;
use super::members::Member;
use super::metrics;
use super::urls::Url;
use super::wire::peer::peer_client::PeerClient;
use super::wire::peer::{MembersRequest, Message};
use crate::consensus::{self, Transport, TransportError};

/// The longest message between members: a batch of entries, each of which may be as long as a request, or a chunk of a snapshot.
pub(crate) const MESSAGE_MAX: usize = 64 << 20;

/// What a member answers to one that was removed: there is no way back.
pub(crate) const REMOVED: &str = "the member has been permanently removed from the cluster";
/// What a member answers to one of another cluster.
pub(crate) const OTHER_CLUSTER: &str = "cluster ID mismatch";

/// Why a call came to nothing. Whether the other one got it is not known.
#[derive(Debug, Error)]
pub enum PeerError {
    /// It has no URL that can be dialled.
    #[error("member {0:x} has no peer URL that can be called")]
    NoUrl(u64),
    /// It did not answer, or refused.
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
    channels: Arc<Mutex<BTreeMap<u64, (Url, Channel)>>>,
    /// Told when another member says that this one was removed.
    removed: Arc<tokio::sync::Notify>,
}

impl Peers {
    /// Calls made in the name of `identity`.
    pub fn new(identity: Identity, connector: Connector) -> Peers {
        Peers {
            identity,
            connector,
            channels: Arc::default(),
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
        let message = self.message(to, body);
        let mut client = self.client(to, urls)?;
        match client.raft(message).await {
            Ok(answer) => Ok(answer.into_inner().body),
            Err(status) => Err(self.failed(to, urls, status)),
        }
    }

    /// Asks the leader for what only it can do.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn leader(&self, to: u64, urls: &[Url], body: Bytes) -> Result<Bytes, PeerError> {
        let message = self.message(to, body);
        let mut client = self.client(to, urls)?;
        match client.leader(message).await {
            Ok(answer) => Ok(answer.into_inner().body),
            Err(status) => Err(self.failed(to, urls, status)),
        }
    }

    fn message(&self, to: u64, body: Bytes) -> Message {
        Message {
            cluster_id: self.identity.cluster_id,
            from: self.identity.member_id,
            to,
            body,
        }
    }

    fn failed(&self, to: u64, urls: &[Url], status: Status) -> PeerError {
        if status.code() == Code::FailedPrecondition && status.message() == REMOVED {
            self.removed.notify_one();
        }
        // The next call tries the member's next URL.
        if status.code() == Code::Unavailable && urls.len() > 1 {
            let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
            channels.remove(&to);
        }
        metrics::peer_failed(to);
        PeerError::Failed { to, status }
    }

    fn client(&self, to: u64, urls: &[Url]) -> Result<PeerClient<Channel>, PeerError> {
        let mut channels = self.channels.lock().unwrap_or_else(PoisonError::into_inner);
        let channel = match channels.get(&to) {
            Some((url, channel)) if urls.contains(url) => channel.clone(),
            other => {
                let before = other.and_then(|(url, _)| urls.iter().position(|u| u == url));
                let next = before.map_or(0, |i| (i + 1) % urls.len());
                let url = urls.get(next).ok_or(PeerError::NoUrl(to))?;
                let channel = self
                    .connector
                    .channel(url)
                    .map_err(|_| PeerError::NoUrl(to))?;
                channels.insert(to, (url.clone(), channel.clone()));
                channel
            }
        };
        Ok(PeerClient::new(channel)
            .max_decoding_message_size(MESSAGE_MAX)
            .max_encoding_message_size(MESSAGE_MAX))
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
