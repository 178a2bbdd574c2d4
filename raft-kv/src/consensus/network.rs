//! The way from one member to another: `RaftNetworkV2` over a [`Transport`].

use std::future::Future;
use std::io;
use std::time::Duration;

use openraft::errors::{
    NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::{Backoff, RPCOption};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{RPCTypes, RaftNetworkFactory, RaftNetworkV2};
use tokio::sync::mpsc;

use crate::consensus::machine::SnapshotFile;
use crate::consensus::peer::{self, Envelope, Request, Response, SnapshotPart};
use crate::consensus::storage::Storage;
use crate::consensus::types::{RaftVote, Snapshot, Types};
use crate::consensus::{Member, Transport, TransportError};
use crate::wal::{WalError, snapshot};

/// A snapshot travels in parts of this many bytes.
const SNAPSHOT_PART_BYTES: usize = 1 << 20;

/// Makes the ways to others.
#[derive(Clone)]
pub(super) struct Network<T> {
    pub(super) transport: T,
    pub(super) storage: Storage,
    pub(super) cluster: u64,
    pub(super) id: u64,
    /// How long an append may take.
    pub(super) append_timeout: Duration,
    /// How long a part of a snapshot may take.
    pub(super) snapshot_timeout: Duration,
    /// How long an unreachable member is left alone.
    pub(super) backoff: Duration,
    /// Told when this member's own snapshot is damaged.
    pub(super) damaged: mpsc::Sender<()>,
}

/// The way to one member.
pub(super) struct Way<T> {
    pub(super) network: Network<T>,
    pub(super) target: u64,
    pub(super) member: Member,
}

impl<T: Transport> RaftNetworkFactory<Types> for Network<T> {
    type Network = Way<T>;

    async fn new_client(&mut self, target: u64, member: &Member) -> Way<T> {
        self.way(target, member)
    }
}

/// What became of a request, besides an answer.
pub(super) enum Failure {
    Timeout(Duration),
    Transport(TransportError),
    /// The other side refused, or said something that makes no sense.
    Refused(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Timeout(after) => write!(f, "no answer within {after:?}"),
            Failure::Transport(error) => write!(f, "{error}"),
            Failure::Refused(reason) => write!(f, "it refused: {reason}"),
        }
    }
}

impl<T: Transport> Network<T> {
    pub(super) fn way(&self, target: u64, member: &Member) -> Way<T> {
        Way {
            network: self.clone(),
            target,
            member: member.clone(),
        }
    }
}

impl<T: Transport> Way<T> {
    pub(super) async fn ask(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<Response, Failure> {
        let network = &self.network;
        let message = peer::encode(&Envelope {
            cluster: network.cluster,
            from: network.id,
            to: self.target,
            request,
        });
        let call = network.transport.call(self.target, &self.member, message);
        let answer = tokio::time::timeout(timeout, call).await;
        let answer = answer.map_err(|_| Failure::Timeout(timeout))?;
        let answer = answer.map_err(Failure::Transport)?;
        match peer::decode(&answer).map_err(Failure::Refused)? {
            Response::Refused(reason) => Err(Failure::Refused(reason)),
            response => Ok(response),
        }
    }

    fn error(&self, failure: Failure, action: RPCTypes) -> RPCError<Types> {
        match failure {
            Failure::Timeout(timeout) => RPCError::Timeout(Timeout {
                action,
                id: self.network.id,
                target: self.target,
                timeout,
            }),
            Failure::Transport(error @ TransportError::Unreachable(_)) => {
                RPCError::Unreachable(Unreachable::new(&error))
            }
            Failure::Transport(error @ TransportError::Broken(_)) => {
                RPCError::Network(NetworkError::new(&error))
            }
            // It is not worth asking again soon.
            Failure::Refused(reason) => RPCError::Unreachable(Unreachable::from_string(reason)),
        }
    }

    /// Asks, and takes the kind of answer that belongs to the question.
    async fn call<R>(
        &self,
        request: Request,
        timeout: Duration,
        action: RPCTypes,
        expected: impl FnOnce(Response) -> Option<R>,
    ) -> Result<R, RPCError<Types>> {
        let response = self.ask(request, timeout).await;
        let response = response.and_then(|response| {
            let other = || Failure::Refused("the answer is one to another question".to_owned());
            expected(response).ok_or_else(other)
        });
        response.map_err(|failure| self.error(failure, action))
    }

    async fn send_snapshot(
        &self,
        vote: RaftVote,
        file: &str,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let mut offset = 0;
        loop {
            let from = file.to_owned();
            let read = self.network.storage.run(move |disk| {
                let bytes = disk.read_at(&from, offset, SNAPSHOT_PART_BYTES)?;
                Ok::<_, node::DiskError>((disk.len(&from)?, bytes))
            });
            // A newer one may have taken its place; then the next attempt sends that.
            let read = read.await.and_then(|read| read.map_err(io::Error::other));
            let (len, bytes) = read.map_err(|e| NetworkError::new(&e))?;
            let end = offset + bytes.len() as u64;
            let is_last = end >= len;
            let part = SnapshotPart {
                vote,
                file: file.to_owned(),
                offset,
                bytes,
                is_last,
            };
            let timeout = self.network.snapshot_timeout;
            let answer = self.ask(Request::Snapshot(part), timeout).await;
            if is_last && matches!(answer, Err(Failure::Refused(_))) {
                self.doubt(file).await;
            }
            match answer.map_err(|failure| self.error(failure, RPCTypes::InstallSnapshot))? {
                Response::SnapshotInstalled(response) => return Ok(response),
                Response::SnapshotPart(true) => offset = end,
                _ => {
                    let reason = "the transfer of the snapshot has to begin anew";
                    return Err(NetworkError::from_string(reason).into());
                }
            }
        }
    }
}

impl<T: Transport> Way<T> {
    /// Somebody has all of this snapshot and does not want it. Where the fault is in this member's own file, another one has to be made: a start
    /// would fail with it, and what it stands for is in no log any more.
    async fn doubt(&self, file: &str) {
        let file = file.to_owned();
        let verified = self.network.storage.run(move |disk| {
            // It may have been replaced already.
            let is_newest = snapshot::newest(disk)?.as_ref() == Some(&file);
            is_newest.then(|| snapshot::verify(disk, &file)).transpose()
        });
        if let Ok(Err(error)) = verified.await {
            let reason = match error {
                WalError::Damaged { offset, reason, .. } => format!("at byte {offset}: {reason}"),
                other => other.to_string(),
            };
            tracing::error!("this member's own snapshot is damaged, and is made anew: {reason}");
            // Where one is told already, that is enough.
            let _ = self.network.damaged.try_send(());
        }
    }
}

impl<T: Transport> RaftNetworkV2<Types> for Way<T> {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        // A heartbeat's time is short; entries have to be synced there.
        let timeout = if request.entries.is_empty() {
            option.soft_ttl()
        } else {
            self.network.append_timeout
        };
        let expected = |response| match response {
            Response::Append(response) => Some(response),
            _ => None,
        };
        let request = Request::Append(request);
        self.call(request, timeout, RPCTypes::AppendEntries, expected)
            .await
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.ask_for_vote(Request::Vote(request), &option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        self.ask_for_vote(Request::PreVote(request), &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: RaftVote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        tokio::select! {
            sent = self.send_snapshot(vote, &snapshot.snapshot.file) => sent,
            closed = cancel => Err(closed.into()),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        let expected = |response| match response {
            Response::TransferLeader(done) => Some(done),
            _ => None,
        };
        let request = Request::TransferLeader(request);
        let done = self.call(
            request,
            option.soft_ttl(),
            RPCTypes::TransferLeader,
            expected,
        );
        let done = done.await?;
        done.map_err(|reason| NetworkError::from_string(reason).into())
            .map(Ok)
    }

    fn backoff(&self) -> Option<Backoff> {
        Some(Backoff::new(std::iter::repeat(self.network.backoff)))
    }
}

impl<T: Transport> Way<T> {
    async fn ask_for_vote(
        &self,
        request: Request,
        option: &RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        let expected = |response| match response {
            Response::Vote(response) => Some(response),
            _ => None,
        };
        self.call(request, option.soft_ttl(), RPCTypes::Vote, expected)
            .await
    }
}
