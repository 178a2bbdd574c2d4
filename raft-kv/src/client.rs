//! A client. It knows all endpoints, writes through the one that leads, reads through all in turn, and goes on with another one where
//! one fails.
//!
//! A read is tried again whatever happened; an endpoint that stays silent gets half of the time that is left before another one is asked.
//! A write is tried again only where it certainly was not carried out: there was no connection, or no leader. Otherwise its fate is not known,
//! and the caller hears of it ([`ClientError::Unknown`]): to write again might be to write twice. The next write goes to another endpoint.

mod leader;
pub mod recipes;
pub mod session;
pub mod watch;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use thiserror::Error;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::server::connector::{Connector, never_sent};
use crate::server::errors;
use crate::server::urls::{BadUrl, Url};
pub use crate::server::wire::etcdserverpb as pb;
pub use crate::server::wire::mvccpb;
use leader::Headed;
use pb::cluster_client::ClusterClient;
use pb::kv_client::KvClient;
use pb::lease_client::LeaseClient;
use pb::maintenance_client::MaintenanceClient;

/// How long a request may take, unless the client is told otherwise.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Between two rounds over all endpoints.
const ROUND: Duration = Duration::from_millis(100);
/// The longest answer that is taken.
const ANSWER_MAX: usize = 1 << 30;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// None was named.
    #[error("no endpoint was named")]
    NoEndpoint,
    /// One is no URL.
    #[error(transparent)]
    BadUrl(#[from] BadUrl),
    /// The server refused; its own words.
    #[error("{}", .0.message())]
    Refused(Status),
    /// Nobody could be asked in time; nothing was changed.
    #[error("no endpoint answers in time; the last one said: {}", .0.message())]
    Unreachable(Status),
    /// A write was sent and not answered: it may have been carried out, or may be yet.
    #[error("it is not known whether that was carried out: {}", .0.message())]
    Unknown(Status),
    /// A recipe's lease ended: what it held is held no more.
    #[error("the session's lease {0:x} has ended")]
    SessionEnded(i64),
}

/// Whether a request may be sent twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
}

/// A client. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Client {
    channels: Arc<Vec<(Url, Channel)>>,
    /// Who reads next.
    turn: Arc<AtomicUsize>,
    /// Who is thought to lead.
    leader: Arc<AtomicUsize>,
    /// The latest of which it has heard.
    term: Arc<AtomicU64>,
    timeout: Duration,
}

impl Client {
    /// A client of the cluster at these endpoints, `http://HOST:PORT` or `HOST:PORT`. It connects when it is first used. Must be called within
    /// a tokio runtime.
    ///
    /// # Errors
    /// When one is no URL, or there is none.
    pub fn new(endpoints: &[impl AsRef<str>]) -> Result<Client, ClientError> {
        Client::through(endpoints, None)
    }

    /// The same, that dials through the SOCKS5 listener at `socks`.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn through(
        endpoints: &[impl AsRef<str>],
        socks: Option<SocketAddr>,
    ) -> Result<Client, ClientError> {
        let mut channels = Vec::new();
        for endpoint in endpoints {
            let endpoint = endpoint.as_ref();
            let url: Url = match endpoint.contains("://") {
                true => endpoint.parse()?,
                false => format!("http://{endpoint}").parse()?,
            };
            let channel = Connector::new(socks).channel(&url);
            channels.push((
                url.clone(),
                channel.map_err(|_| BadUrl::Form(url.to_string()))?,
            ));
        }
        if channels.is_empty() {
            return Err(ClientError::NoEndpoint);
        }
        Ok(Client {
            channels: Arc::new(channels),
            turn: Arc::default(),
            leader: Arc::default(),
            term: Arc::default(),
            timeout: TIMEOUT,
        })
    }

    /// The same, whose requests may take so long.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Client {
        Client { timeout, ..self }
    }

    /// One client for each endpoint, for what is asked of a certain member.
    pub fn each(&self) -> impl Iterator<Item = (Url, Client)> + '_ {
        self.channels.iter().map(|one| {
            let channels = Arc::new(vec![one.clone()]);
            (
                one.0.clone(),
                Client {
                    channels,
                    leader: Arc::default(),
                    ..self.clone()
                },
            )
        })
    }

    /// The channel of whoever is next, for a stream.
    pub(crate) fn channel(&self) -> Channel {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.channels[turn % self.channels.len()].1.clone()
    }

    /// Asks one endpoint after the other.
    async fn call<Q: Clone, A: Headed, F>(
        &self,
        kind: Kind,
        request: Q,
        send: impl Fn(Channel, Request<Q>) -> F,
    ) -> Result<A, ClientError>
    where
        F: Future<Output = Result<tonic::Response<A>, Status>>,
    {
        let first = match kind {
            Kind::Read => self.turn.fetch_add(1, Ordering::Relaxed),
            Kind::Write => self.leader.load(Ordering::Relaxed),
        };
        let began = tokio::time::Instant::now();
        for attempt in 0.. {
            let i = (first + attempt) % self.channels.len();
            let left = self.timeout.saturating_sub(began.elapsed());
            let others = (attempt + 1) % self.channels.len() > 0;
            let patience = match kind {
                Kind::Read if others => left / 2,
                _ => left,
            };
            let answer = tokio::time::timeout(
                patience,
                send(self.channels[i].1.clone(), Request::new(request.clone())),
            );
            let status = match answer.await {
                Ok(Ok(answer)) => {
                    if kind == Kind::Write {
                        self.leader.store(i, Ordering::Relaxed);
                    }
                    let answer = answer.into_inner();
                    self.heard(&answer);
                    return Ok(answer);
                }
                Ok(Err(status)) => status,
                Err(_) => Status::deadline_exceeded(format!(
                    "{} gave no answer in time",
                    self.channels[i].0
                )),
            };
            let silent = status.code() == Code::DeadlineExceeded;
            let to_learner = status.message() == errors::NOT_FOR_LEARNERS.1;
            let again = match to_learner {
                true => others,
                false => is_cut(&status) || silent && kind == Kind::Read,
            };
            let safe = kind == Kind::Read || certainly_not_done(&status);
            if kind == Kind::Write && (again || silent) {
                // The next write goes elsewhere, whatever is to be said of this one.
                let next = (i + 1) % self.channels.len();
                self.leader.store(next, Ordering::Relaxed);
            }
            let late = began.elapsed() + ROUND >= self.timeout;
            match (again, safe) {
                (true, true) if !late => {}
                (true, true) => return Err(ClientError::Unreachable(status)),
                (true, false) => return Err(ClientError::Unknown(status)),
                (false, _) if silent => return Err(ClientError::Unknown(status)),
                (false, _) => return Err(ClientError::Refused(status)),
            }
            if !others {
                tokio::time::sleep(ROUND).await;
            }
        }
        Err(ClientError::NoEndpoint)
    }

    /// Reads a range.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn range(&self, request: pb::RangeRequest) -> Result<pb::RangeResponse, ClientError> {
        self.call(Kind::Read, request, |channel, request| async move {
            kv(channel).range(request).await
        })
        .await
    }

    /// Reads one key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(
        &self,
        key: impl Into<Vec<u8>>,
    ) -> Result<Option<mvccpb::KeyValue>, ClientError> {
        let request = pb::RangeRequest {
            key: key.into(),
            ..Default::default()
        };
        Ok(self.range(request).await?.kvs.into_iter().next())
    }

    /// Writes a key, with a lease or 0; says the revision.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put(
        &self,
        key: impl Into<Vec<u8>>,
        value: impl Into<Vec<u8>>,
        lease: i64,
    ) -> Result<i64, ClientError> {
        let request = pb::PutRequest {
            key: key.into(),
            value: value.into(),
            lease,
            ..Default::default()
        };
        Ok(revision(&self.put_request(request).await?.header))
    }

    /// Writes a key.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn put_request(
        &self,
        request: pb::PutRequest,
    ) -> Result<pb::PutResponse, ClientError> {
        self.call(Kind::Write, request, |channel, request| async move {
            kv(channel).put(request).await
        })
        .await
    }

    /// Deletes a range.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn delete(
        &self,
        request: pb::DeleteRangeRequest,
    ) -> Result<pb::DeleteRangeResponse, ClientError> {
        self.call(Kind::Write, request, |channel, request| async move {
            kv(channel).delete_range(request).await
        })
        .await
    }

    /// Does several things at once.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn txn(&self, request: pb::TxnRequest) -> Result<pb::TxnResponse, ClientError> {
        self.call(Kind::Write, request, |channel, request| async move {
            kv(channel).txn(request).await
        })
        .await
    }

    /// Forgets history.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn compact(&self, revision: i64, physical: bool) -> Result<(), ClientError> {
        let request = pb::CompactionRequest { revision, physical };
        self.call(Kind::Write, request, |channel, request| async move {
            kv(channel).compact(request).await
        })
        .await?;
        Ok(())
    }

    /// Grants a lease, with an id of the server's choice where `id` is 0; says its id and its TTL in seconds.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn lease_grant(&self, ttl: i64, id: i64) -> Result<(i64, i64), ClientError> {
        let request = pb::LeaseGrantRequest { ttl, id };
        let granted = self.call(Kind::Write, request, |channel, request| async move {
            LeaseClient::new(channel).lease_grant(request).await
        });
        let granted = granted.await?;
        Ok((granted.id, granted.ttl))
    }

    /// Ends a lease, and deletes its keys.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn lease_revoke(&self, id: i64) -> Result<(), ClientError> {
        let request = pb::LeaseRevokeRequest { id };
        self.call(Kind::Write, request, |channel, request| async move {
            LeaseClient::new(channel).lease_revoke(request).await
        })
        .await?;
        Ok(())
    }

    /// How long a lease lasts yet, and its keys if they are wanted.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn lease_time_to_live(
        &self,
        id: i64,
        keys: bool,
    ) -> Result<pb::LeaseTimeToLiveResponse, ClientError> {
        let request = pb::LeaseTimeToLiveRequest { id, keys };
        self.call(Kind::Read, request, |channel, request| async move {
            LeaseClient::new(channel).lease_time_to_live(request).await
        })
        .await
    }

    /// All leases.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn leases(&self) -> Result<Vec<i64>, ClientError> {
        let request = pb::LeaseLeasesRequest {};
        let leases = self.call(Kind::Read, request, |channel, request| async move {
            LeaseClient::new(channel).lease_leases(request).await
        });
        Ok(leases
            .await?
            .leases
            .into_iter()
            .map(|lease| lease.id)
            .collect())
    }

    /// Keeps a lease alive once; says its TTL, 0 where there is none any more.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn lease_keep_alive(&self, id: i64) -> Result<i64, ClientError> {
        // It may be done twice.
        let answer = self.call(Kind::Read, id, |channel, request| async move {
            let once = tokio_stream::once(pb::LeaseKeepAliveRequest {
                id: request.into_inner(),
            });
            let mut answers = LeaseClient::new(channel)
                .lease_keep_alive(once)
                .await?
                .into_inner();
            let answer = answers.message().await?;
            answer
                .map(tonic::Response::new)
                .ok_or_else(|| Status::unavailable("the stream ended"))
        });
        Ok(answer.await?.ttl)
    }

    /// The members.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn members(&self) -> Result<pb::MemberListResponse, ClientError> {
        let request = pb::MemberListRequest { linearizable: true };
        self.call(Kind::Read, request, |channel, request| async move {
            ClusterClient::new(channel).member_list(request).await
        })
        .await
    }

    /// Adds a member, without a vote if it is a learner.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn member_add(
        &self,
        peer_urls: Vec<String>,
        is_learner: bool,
    ) -> Result<pb::MemberAddResponse, ClientError> {
        let request = pb::MemberAddRequest {
            peer_ur_ls: peer_urls,
            is_learner,
        };
        self.call(Kind::Write, request, |channel, request| async move {
            ClusterClient::new(channel).member_add(request).await
        })
        .await
    }

    /// Removes a member for good; says the cluster's id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn member_remove(&self, id: u64) -> Result<u64, ClientError> {
        let request = pb::MemberRemoveRequest { id };
        let removed = self.call(Kind::Write, request, |channel, request| async move {
            ClusterClient::new(channel).member_remove(request).await
        });
        Ok(cluster(&removed.await?.header))
    }

    /// Says where a member is called from now on; says the cluster's id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn member_update(&self, id: u64, peer_urls: Vec<String>) -> Result<u64, ClientError> {
        let request = pb::MemberUpdateRequest {
            id,
            peer_ur_ls: peer_urls,
        };
        let updated = self.call(Kind::Write, request, |channel, request| async move {
            ClusterClient::new(channel).member_update(request).await
        });
        Ok(cluster(&updated.await?.header))
    }

    /// Gives a learner a vote; says the cluster's id.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn member_promote(&self, id: u64) -> Result<u64, ClientError> {
        let request = pb::MemberPromoteRequest { id };
        let promoted = self.call(Kind::Write, request, |channel, request| async move {
            ClusterClient::new(channel).member_promote(request).await
        });
        Ok(cluster(&promoted.await?.header))
    }

    /// How the member that is asked is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn status(&self) -> Result<pb::StatusResponse, ClientError> {
        let request = pb::StatusRequest {};
        self.call(Kind::Read, request, |channel, request| async move {
            MaintenanceClient::new(channel).status(request).await
        })
        .await
    }

    /// The hash of all keys up to a revision, 0 for the latest.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn hash_kv(&self, revision: i64) -> Result<pb::HashKvResponse, ClientError> {
        let request = pb::HashKvRequest { revision };
        self.call(Kind::Read, request, |channel, request| async move {
            MaintenanceClient::new(channel).hash_kv(request).await
        })
        .await
    }

    /// Has another member lead; the one that is asked must be the leader.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn move_leader(&self, to: u64) -> Result<(), ClientError> {
        let request = pb::MoveLeaderRequest { target_id: to };
        self.call(Kind::Write, request, |channel, request| async move {
            MaintenanceClient::new(channel).move_leader(request).await
        })
        .await?;
        Ok(())
    }

    /// Alarms that are on, after `action` was done.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn alarm(
        &self,
        action: pb::alarm_request::AlarmAction,
    ) -> Result<Vec<pb::AlarmMember>, ClientError> {
        let request = pb::AlarmRequest {
            action: action.into(),
            ..Default::default()
        };
        let answer = self.call(Kind::Write, request, |channel, request| async move {
            MaintenanceClient::new(channel).alarm(request).await
        });
        Ok(answer.await?.alarms)
    }
}

fn kv(channel: Channel) -> KvClient<Channel> {
    KvClient::new(channel).max_decoding_message_size(ANSWER_MAX)
}

/// The revision in a header.
pub fn revision(header: &Option<pb::ResponseHeader>) -> i64 {
    header.as_ref().map_or(0, |header| header.revision)
}

fn cluster(header: &Option<pb::ResponseHeader>) -> u64 {
    header.as_ref().map_or(0, |header| header.cluster_id)
}

/// Whether a write that failed so was not carried out: it never left, or the server says so.
fn certainly_not_done(status: &Status) -> bool {
    let refused = [errors::NO_LEADER, errors::NOT_FOR_LEARNERS];
    never_sent(status) || refused.iter().any(|error| error.1 == status.message())
}

/// Whether there is no connection, or not any more. What has a cause was made on this side; `tonic` does not always say by the code that a
/// connection broke.
fn is_cut(status: &Status) -> bool {
    status.code() == Code::Unavailable || std::error::Error::source(status).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_write_that_had_no_connection_was_certainly_not_done() {
        // Bound and not listening: whoever connects is refused, and nobody else gets the port.
        let taken = tokio::net::TcpSocket::new_v4().unwrap();
        taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let client = Client::new(&[address]).unwrap();
        let client = client.with_timeout(Duration::from_millis(300));
        let put = client.put("a", "1", 0).await;
        assert!(matches!(put, Err(ClientError::Unreachable(_))), "{put:?}");
    }
}
