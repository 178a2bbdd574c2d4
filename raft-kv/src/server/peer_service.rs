//! What members are asked by others.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::kv_server::KvServer;
use super::line::{Topic, refusal};
use super::metrics;
use super::peers::{OTHER_CLUSTER, REMOVED};
use super::replica::Replica;
use super::wire::peer::peer_server::Peer;
use super::wire::peer::{Answer, Call, MembersRequest, MembersResponse, Message, Reply};

/// Calls of one member that may be under way; no more are read before some are answered. There are as many as its clients have requests.
const CALLS_MAX: usize = 100_000;

type Replies = BoxStream<'static, Result<Reply, Status>>;

/// The service.
#[derive(Clone)]
pub(super) struct PeerService(pub(super) Arc<KvServer>);

impl PeerService {
    /// Whether a message is one of this cluster's, from a member that still belongs to it.
    fn check(&self, message: &Message) -> Result<(), Status> {
        let identity = self.0.identity;
        if message.cluster_id != identity.cluster_id || message.to != identity.member_id {
            return Err(Status::failed_precondition(OTHER_CLUSTER));
        }
        if self
            .0
            .read(|replica| replica.members.was_removed(message.from))
        {
            return Err(Status::failed_precondition(REMOVED));
        }
        let is_known = |replica: &Replica| replica.members.get(message.from).is_some();
        if self.0.read(is_known) {
            metrics::peer_received(message.from, message.body.len());
        }
        Ok(())
    }

    async fn answer(&self, message: Message, topic: Topic) -> Result<Bytes, Status> {
        self.check(&message)?;
        if topic == Topic::Raft {
            return Ok(self.0.engine.handle(&message.body).await);
        }
        let ask = postcard::from_bytes(&message.body).map_err(|e| {
            Status::invalid_argument(format!("what is asked is not understood: {e}"))
        })?;
        let told = self.0.answer(ask).await;
        let body = postcard::to_stdvec(&told).map_err(|e| Status::internal(e.to_string()))?;
        Ok(body.into())
    }

    /// Answers calls as the answers come. What came first is handled first, up to where it has to wait.
    fn replies(&self, calls: Request<Streaming<Call>>, topic: Topic) -> Response<Replies> {
        let service = self.clone();
        let calls = calls.into_inner().map_ok(move |call| {
            let service = service.clone();
            async move { Ok(service.reply(call, topic).await) }
        });
        Response::new(calls.try_buffer_unordered(CALLS_MAX).boxed())
    }

    async fn reply(&self, call: Call, topic: Topic) -> Reply {
        let number = call.number;
        match self.answer(call.message.unwrap_or_default(), topic).await {
            Ok(body) => Reply {
                number,
                body,
                ..Reply::default()
            },
            Err(status) => refusal(number, &status),
        }
    }
}

#[tonic::async_trait]
impl Peer for PeerService {
    type RaftStream = Replies;
    type LeaderStream = Replies;

    async fn raft(&self, calls: Request<Streaming<Call>>) -> Result<Response<Replies>, Status> {
        Ok(self.replies(calls, Topic::Raft))
    }

    async fn leader(&self, calls: Request<Streaming<Call>>) -> Result<Response<Replies>, Status> {
        Ok(self.replies(calls, Topic::Leader))
    }

    async fn long_raft(&self, request: Request<Message>) -> Result<Response<Answer>, Status> {
        let body = self.answer(request.into_inner(), Topic::Raft).await?;
        Ok(Response::new(Answer { body }))
    }

    async fn long_leader(&self, request: Request<Message>) -> Result<Response<Answer>, Status> {
        let body = self.answer(request.into_inner(), Topic::Leader).await?;
        Ok(Response::new(Answer { body }))
    }

    async fn members(
        &self,
        _: Request<MembersRequest>,
    ) -> Result<Response<MembersResponse>, Status> {
        let members: Vec<_> = self
            .0
            .read(|replica| replica.members.all().cloned().collect());
        Ok(Response::new(MembersResponse {
            cluster_id: self.0.identity.cluster_id,
            members: postcard::to_stdvec(&members)
                .map_err(|e| Status::internal(e.to_string()))?
                .into(),
        }))
    }
}
