//! The KV service: reads, writes, transactions, compaction.

use std::sync::{Arc, PoisonError};

use prost::Message;
use tonic::{Request, Response, Status};

use super::convert;
use super::errors;
use super::kv_server::{KvServer, store_status};
use super::metrics::{self, Mvcc};
use super::replica::Replica;
use super::wire::etcdserverpb as pb;
use super::wire::etcdserverpb::kv_server::Kv;
use crate::store::{Command, HashKv, RangeRequest, RangeResponse, Reply, StoreError, TxnRequest};

/// What gRPC's own framing may add to a request, in etcd's reckoning.
pub(super) const OVERHEAD_BYTES: usize = 512 << 10;

/// How many changes are looked at under one lock when room is given back.
const SCRUBBED_AT_ONCE: usize = 1_000;

/// How many keys or versions are looked at under one lock by what reads many.
const READ_AT_ONCE: usize = 1_000;

/// The service.
#[derive(Clone)]
pub(super) struct KvService(pub(super) Arc<KvServer>);

/// What Go's gRPC says of a message of so many bytes.
pub(super) fn too_long(bytes: usize, most: usize) -> Status {
    Status::resource_exhausted(format!(
        "grpc: received message larger than max ({bytes} vs. {most})"
    ))
}

fn unexpected() -> Status {
    Status::internal("another command's answer")
}

impl KvServer {
    /// Whether a request that changes something is short enough.
    pub(super) fn check_size(&self, request: &impl Message) -> Result<(), Status> {
        let (bytes, max) = (
            request.encoded_len(),
            self.settings.options.max_request_bytes,
        );
        let most = max + OVERHEAD_BYTES;
        if bytes > most {
            return Err(too_long(bytes, most));
        }
        if bytes > max {
            return Err(errors::REQUEST_TOO_LARGE.into());
        }
        Ok(())
    }

    /// Gives back the room of all that compactions made obsolete, in steps that let others in between.
    pub(super) async fn scrub(&self) {
        let step = || {
            let mut replica = self.machine.write().unwrap_or_else(PoisonError::into_inner);
            replica.store.scrub(SCRUBBED_AT_ONCE)
        };
        while step() {
            tokio::task::yield_now().await;
        }
    }

    /// Reads a range, of this member as it stands or of all.
    pub(super) async fn range(
        &self,
        request: &RangeRequest,
        serializable: bool,
    ) -> Result<RangeResponse, Status> {
        if !serializable {
            self.linearizable().await?;
        }
        metrics::mvcc(Mvcc::Range);
        loop {
            let begun = self.read(|replica| replica.store.begin_range(request));
            let mut scan = begun.map_err(store_status)?;
            let step = |replica: &Replica| replica.store.step(&mut scan, READ_AT_ONCE);
            if self.in_steps(step).await.is_ok() {
                return Ok(scan.finish());
            }
        }
    }

    /// etcd's `HashKV`.
    pub(super) async fn hash_kv(&self, revision: i64) -> Result<HashKv, Status> {
        loop {
            let begun = self.read(|replica| replica.store.begin_hash(revision));
            let mut scan = begun.map_err(store_status)?;
            let step = |replica: &Replica| replica.store.step_hash(&mut scan, READ_AT_ONCE);
            if self.in_steps(step).await.is_ok() {
                return Ok(scan.finish());
            }
        }
    }

    /// Does all steps of a read, with writers between them. It fails where the store was restored from a snapshot meanwhile: then the read
    /// has to begin again.
    async fn in_steps(
        &self,
        mut step: impl FnMut(&Replica) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        while !self.read(&mut step)? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// A transaction: one that only reads is no proposal.
    pub(super) async fn txn(
        &self,
        request: TxnRequest,
        serializable: bool,
    ) -> Result<crate::store::TxnResponse, Status> {
        metrics::mvcc(Mvcc::Txn);
        request
            .check(self.settings.options.max_txn_ops)
            .map_err(store_status)?;
        if request.is_read_only() {
            self.refuse_learner()?;
            if !serializable {
                self.linearizable().await?;
            }
            return self
                .read(|replica| replica.store.read_txn(&request))
                .map_err(store_status);
        }
        match self.change(Command::Txn(request)).await? {
            Reply::Txn(response) => Ok(response),
            _ => Err(unexpected()),
        }
    }
}

#[tonic::async_trait]
impl Kv for KvService {
    async fn range(
        &self,
        request: Request<pb::RangeRequest>,
    ) -> Result<Response<pb::RangeResponse>, Status> {
        let request = request.into_inner();
        let serializable = request.serializable;
        let request = convert::range_request(request).map_err(store_status)?;
        let response = self.0.range(&request, serializable).await?;
        let header = self.0.header(response.revision);
        Ok(Response::new(convert::range_response(
            &response,
            Some(header),
        )))
    }

    async fn put(
        &self,
        request: Request<pb::PutRequest>,
    ) -> Result<Response<pb::PutResponse>, Status> {
        let request = request.into_inner();
        self.0.check_size(&request)?;
        let request = convert::put_request(request);
        metrics::mvcc(Mvcc::Put);
        let Reply::Put(response) = self.0.change(Command::Put(request)).await? else {
            return Err(unexpected());
        };
        let header = self.0.header(response.revision);
        Ok(Response::new(convert::put_response(
            &response,
            Some(header),
        )))
    }

    async fn delete_range(
        &self,
        request: Request<pb::DeleteRangeRequest>,
    ) -> Result<Response<pb::DeleteRangeResponse>, Status> {
        let request = request.into_inner();
        self.0.check_size(&request)?;
        let request = convert::delete_request(request);
        metrics::mvcc(Mvcc::Delete);
        let Reply::DeleteRange(response) = self.0.change(Command::DeleteRange(request)).await?
        else {
            return Err(unexpected());
        };
        let header = self.0.header(response.revision);
        Ok(Response::new(convert::delete_response(
            &response,
            Some(header),
        )))
    }

    async fn txn(
        &self,
        request: Request<pb::TxnRequest>,
    ) -> Result<Response<pb::TxnResponse>, Status> {
        let request = request.into_inner();
        self.0.check_size(&request)?;
        let serializable = all_serializable(&request);
        let request = convert::txn_request(request).map_err(store_status)?;
        let response = self.0.txn(request, serializable).await?;
        let header = self.0.header(response.revision);
        Ok(Response::new(convert::txn_response(response, Some(header))))
    }

    async fn compact(
        &self,
        request: Request<pb::CompactionRequest>,
    ) -> Result<Response<pb::CompactionResponse>, Status> {
        let request = request.into_inner();
        let Reply::Done { revision } = self.0.change(Command::Compact(request.revision)).await?
        else {
            return Err(unexpected());
        };
        if request.physical {
            self.0.scrub().await;
        }
        let header = Some(self.0.header(revision));
        Ok(Response::new(pb::CompactionResponse { header }))
    }
}

/// Whether all that a transaction does is to read, without asking for the newest.
fn all_serializable(request: &pb::TxnRequest) -> bool {
    use pb::request_op::Request;
    let mut ops = request.success.iter().chain(&request.failure);
    ops.all(|op| matches!(&op.request, Some(Request::RequestRange(range)) if range.serializable))
}
