//! The Lease service.

use std::sync::Arc;

use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::errors;
use super::kv_server::{Ask, KvServer, Told, done};
use super::metrics;
use super::watch::needs_leader;
use super::wire::etcdserverpb as pb;
use super::wire::etcdserverpb::lease_server::Lease;
use crate::store::Command;

/// The service.
#[derive(Clone)]
pub(super) struct LeaseService(pub(super) Arc<KvServer>);

#[tonic::async_trait]
impl Lease for LeaseService {
    async fn lease_grant(
        &self,
        request: Request<pb::LeaseGrantRequest>,
    ) -> Result<Response<pb::LeaseGrantResponse>, Status> {
        let request = request.into_inner();
        let (id, ttl, revision) = self.0.grant(request.id, request.ttl).await?;
        let header = Some(self.0.header(revision));
        Ok(Response::new(pb::LeaseGrantResponse {
            header,
            id,
            ttl,
            error: String::new(),
        }))
    }

    async fn lease_revoke(
        &self,
        request: Request<pb::LeaseRevokeRequest>,
    ) -> Result<Response<pb::LeaseRevokeResponse>, Status> {
        let reply = self
            .0
            .change(Command::LeaseRevoke(request.into_inner().id))
            .await?;
        metrics::lease("revoked");
        let header = Some(self.0.header(done(&reply)?));
        Ok(Response::new(pb::LeaseRevokeResponse { header }))
    }

    type LeaseKeepAliveStream = BoxStream<'static, Result<pb::LeaseKeepAliveResponse, Status>>;

    async fn lease_keep_alive(
        &self,
        request: Request<Streaming<pb::LeaseKeepAliveRequest>>,
    ) -> Result<Response<Self::LeaseKeepAliveStream>, Status> {
        let needs_leader = needs_leader(request.metadata().as_ref());
        let mut asked = request.into_inner();
        let (answers, stream) = mpsc::channel(1);
        let server = self.0.clone();
        tokio::spawn(async move {
            let lost = server.leader_lost();
            tokio::pin!(lost);
            loop {
                let answer = tokio::select! {
                    request = asked.message() => match request {
                        Ok(Some(request)) => {
                            // Its revision is not later than the keep-alive: whoever is told so cannot find the lease revoked at it.
                            let header = Some(server.header_now());
                            let ttl = server.renew(request.id).await;
                            ttl.map(|ttl| pb::LeaseKeepAliveResponse { header, id: request.id, ttl })
                        }
                        Ok(None) | Err(_) => return,
                    },
                    () = &mut lost, if needs_leader => Err(errors::NO_LEADER.into()),
                };
                let ended = answer.is_err();
                if answers.send(answer).await.is_err() || ended {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<pb::LeaseTimeToLiveRequest>,
    ) -> Result<Response<pb::LeaseTimeToLiveResponse>, Status> {
        let request = request.into_inner();
        let id = request.id;
        let Told::Lease(ttl, granted_ttl) = self.0.ask_leader(&Ask::LeaseTimeToLive(id)).await?
        else {
            return Err(Status::internal("another question's answer"));
        };
        let keys = if request.keys {
            self.0.linearizable().await?;
            let keys = self
                .0
                .read(|replica| replica.store.lease(id).map(|lease| lease.keys.clone()));
            keys.unwrap_or_default()
                .iter()
                .map(|key| key.to_vec())
                .collect()
        } else {
            Vec::new()
        };
        let header = Some(self.0.header_now());
        Ok(Response::new(pb::LeaseTimeToLiveResponse {
            header,
            id,
            ttl,
            granted_ttl,
            keys,
        }))
    }

    async fn lease_leases(
        &self,
        _: Request<pb::LeaseLeasesRequest>,
    ) -> Result<Response<pb::LeaseLeasesResponse>, Status> {
        self.0.linearizable().await?;
        let leases = self.0.read(|replica| {
            let leases = replica.store.leases();
            leases.map(|(id, _)| pb::LeaseStatus { id }).collect()
        });
        let header = Some(self.0.header_now());
        Ok(Response::new(pb::LeaseLeasesResponse { header, leases }))
    }
}
