//! The Election service: the queue of the Lock service, in which the first leads and its key's value is what it has to say.

use std::sync::Arc;

use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::convert;
use super::kv_server::KvServer;
use super::lock::{Closing, created, passed_on};
use super::wire::v3electionpb as pb;
use super::wire::v3electionpb::election_server::Election;
use crate::store::{
    Bytes, DeleteRangeRequest, KeyRange, KeyValue, Op, PutRequest, RangeRequest, SortOrder,
    SortTarget, TxnRequest,
};
use crate::watch::WatchRequest;

/// The service.
#[derive(Clone)]
pub(super) struct ElectionService(pub(super) Arc<KvServer>);

fn not_leader() -> Status {
    Status::unknown("election: not leader")
}

fn prefix(name: &[u8]) -> KeyRange {
    let mut prefix = name.to_vec();
    prefix.push(b'/');
    KeyRange::prefix(prefix)
}

fn needed(leader: Option<pb::LeaderKey>) -> Result<pb::LeaderKey, Status> {
    leader.ok_or_else(|| Status::unknown("\"leader\" field must be provided"))
}

impl ElectionService {
    /// Does `op` if whoever names `leader` still leads; says the revision then.
    async fn as_leader(&self, leader: &pb::LeaderKey, op: Op) -> Result<i64, Status> {
        let key = Bytes::from(leader.key.clone());
        let txn = TxnRequest {
            compare: vec![created(&key, leader.rev)],
            success: vec![op],
            failure: vec![],
        };
        let response = self.0.txn(txn, false).await.map_err(passed_on)?;
        if response.succeeded {
            Ok(response.revision)
        } else {
            Err(not_leader())
        }
    }

    async fn proclaim(&self, leader: &pb::LeaderKey, value: Vec<u8>) -> Result<i64, Status> {
        let put = PutRequest {
            key: leader.key.clone().into(),
            value: value.into(),
            lease: leader.lease,
            ..PutRequest::default()
        };
        self.as_leader(leader, Op::Put(put)).await
    }

    /// Who leads, and the revision at which that was so.
    async fn leads(&self, name: &[u8]) -> Result<(Option<KeyValue>, i64), Status> {
        let first = RangeRequest {
            range: prefix(name),
            sort_order: SortOrder::Ascend,
            sort_target: SortTarget::Create,
            limit: 1,
            ..RangeRequest::default()
        };
        let found = self.0.range(&first, false).await.map_err(passed_on)?;
        Ok((found.kvs.into_iter().next(), found.revision))
    }

    fn leader_response(&self, kv: &KeyValue, revision: i64) -> pb::LeaderResponse {
        let header = Some(self.0.header(revision));
        pb::LeaderResponse {
            header,
            kv: Some(convert::key_value(kv)),
        }
    }

    /// Sends each leader, and each value of a leader, until nobody listens.
    async fn tell(
        &self,
        name: &[u8],
        answers: &mpsc::Sender<Result<pb::LeaderResponse, Status>>,
    ) -> Result<(), Status> {
        let (stream, notify) = self.0.watchers.open();
        let _closing = Closing {
            server: self.0.clone(),
            stream,
        };
        let range = prefix(name);
        self.0.watchers.with(|hub| {
            hub.create(
                stream,
                WatchRequest {
                    range,
                    ..WatchRequest::default()
                },
            );
        });
        let mut told = 0;
        loop {
            let (leader, revision) = self.leads(name).await?;
            if let Some(leader) = leader.filter(|leader| leader.mod_revision != told) {
                told = leader.mod_revision;
                if answers
                    .send(Ok(self.leader_response(&leader, revision)))
                    .await
                    .is_err()
                {
                    return Ok(());
                }
            }
            tokio::select! {
                () = notify.notified() => {}
                () = answers.closed() => return Ok(()),
            }
            while self.0.watchers.take(stream).is_some() {}
        }
    }
}

#[tonic::async_trait]
impl Election for ElectionService {
    async fn campaign(
        &self,
        request: Request<pb::CampaignRequest>,
    ) -> Result<Response<pb::CampaignResponse>, Status> {
        let request = request.into_inner();
        let place = self
            .0
            .enqueue(&request.name, request.lease, request.value.clone().into())
            .await
            .map_err(passed_on)?;
        let leader = pb::LeaderKey {
            name: request.name,
            key: place.key.to_vec(),
            rev: place.created,
            lease: place.lease,
        };
        if place
            .found
            .as_ref()
            .is_some_and(|found| **found != *request.value)
        {
            self.proclaim(&leader, request.value).await?;
        }
        let revision = self.0.first_in_queue(&place).await.map_err(passed_on)?;
        let header = Some(self.0.header(revision));
        Ok(Response::new(pb::CampaignResponse {
            header,
            leader: Some(leader),
        }))
    }

    async fn proclaim(
        &self,
        request: Request<pb::ProclaimRequest>,
    ) -> Result<Response<pb::ProclaimResponse>, Status> {
        let request = request.into_inner();
        let revision = self
            .proclaim(&needed(request.leader)?, request.value)
            .await?;
        let header = Some(self.0.header(revision));
        Ok(Response::new(pb::ProclaimResponse { header }))
    }

    async fn leader(
        &self,
        request: Request<pb::LeaderRequest>,
    ) -> Result<Response<pb::LeaderResponse>, Status> {
        let (leader, revision) = self.leads(&request.into_inner().name).await?;
        let leader = leader.ok_or_else(|| Status::unknown("election: no leader"))?;
        Ok(Response::new(self.leader_response(&leader, revision)))
    }

    type ObserveStream = BoxStream<'static, Result<pb::LeaderResponse, Status>>;

    async fn observe(
        &self,
        request: Request<pb::LeaderRequest>,
    ) -> Result<Response<Self::ObserveStream>, Status> {
        let name = request.into_inner().name;
        let (answers, stream) = mpsc::channel(1);
        let service = self.clone();
        tokio::spawn(async move {
            if let Err(status) = service.tell(&name, &answers).await {
                // Whoever listened may have gone.
                let _ = answers.send(Err(status)).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn resign(
        &self,
        request: Request<pb::ResignRequest>,
    ) -> Result<Response<pb::ResignResponse>, Status> {
        let leader = needed(request.into_inner().leader)?;
        let range = KeyRange::single(leader.key.clone());
        let delete = Op::DeleteRange(DeleteRangeRequest {
            range,
            prev_kv: false,
        });
        // Whoever does not lead any more has nothing to give up.
        let revision = match self.as_leader(&leader, delete).await {
            Ok(revision) => revision,
            Err(status) if status.message() == not_leader().message() => {
                self.0.read(|replica| replica.store.revision())
            }
            Err(status) => return Err(status),
        };
        let header = Some(self.0.header(revision));
        Ok(Response::new(pb::ResignResponse { header }))
    }
}
