//! What members are asked by others.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::kv_server::KvServer;
use super::metrics;
use super::peers::{OTHER_CLUSTER, REMOVED};
use super::wire::peer::peer_server::Peer;
use super::wire::peer::{Answer, MembersRequest, MembersResponse, Message};

/// The service.
#[derive(Clone)]
pub(super) struct PeerService(pub(super) Arc<KvServer>);

impl PeerService {
    /// Whether a message is one of this cluster's, from a member that still belongs to it.
    fn check(&self, message: &Message) -> Result<(), Status> {
        let identity = self.0.identity;
        metrics::peer_received(message.from, message.body.len());
        if message.cluster_id != identity.cluster_id || message.to != identity.member_id {
            return Err(Status::failed_precondition(OTHER_CLUSTER));
        }
        if self
            .0
            .read(|replica| replica.members.was_removed(message.from))
        {
            return Err(Status::failed_precondition(REMOVED));
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl Peer for PeerService {
    async fn raft(&self, request: Request<Message>) -> Result<Response<Answer>, Status> {
        let message = request.into_inner();
        self.check(&message)?;
        let body = self.0.engine.handle(&message.body).await;
        Ok(Response::new(Answer { body }))
    }

    async fn leader(&self, request: Request<Message>) -> Result<Response<Answer>, Status> {
        let message = request.into_inner();
        self.check(&message)?;
        let ask = postcard::from_bytes(&message.body).map_err(|e| {
            Status::invalid_argument(format!("what is asked is not understood: {e}"))
        })?;
        let told = self.0.answer(&ask).await;
        let body = postcard::to_stdvec(&told).map_err(|e| Status::internal(e.to_string()))?;
        Ok(Response::new(Answer { body: body.into() }))
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
