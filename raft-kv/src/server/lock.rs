//! The Lock service: the recipe that clients may carry out themselves, done by the server.
//!
//! Whoever wants the lock puts a key below its name, with a lease; the one whose key was created first has it; each waits for the one before
//! it, so that a release wakes one and not all.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::kv_server::KvServer;
use super::wire::v3lockpb as pb;
use super::wire::v3lockpb::lock_server::Lock;
use crate::store::{
    Bytes, Command, Compare, CompareResult, CompareTarget, DeleteRangeRequest, KeyRange, KeyValue,
    LeaseId, Op, OpResponse, PutRequest, RangeRequest, SortOrder, SortTarget, TxnRequest,
};
use crate::watch::WatchRequest;

/// The TTL of a lease for clients that bring none, in seconds.
const TTL_SECONDS: i64 = 60;

/// A place in a queue of keys below one prefix, in the order in which they were created.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) key: Bytes,
    pub(super) lease: LeaseId,
    /// The key's create revision: the place.
    pub(super) created: i64,
    /// The value that was there already, where the key was not made now.
    pub(super) found: Option<Bytes>,
    prefix: Vec<u8>,
}

/// Leaves a queue when it is dropped: whoever waited has given up.
struct Leaving {
    server: Arc<KvServer>,
    key: Option<Bytes>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            let server = self.server.clone();
            tokio::spawn(async move { server.delete(key).await });
        }
    }
}

/// The key that is `created` (0: not there), for a comparison.
pub(super) fn created(key: &Bytes, created: i64) -> Compare {
    Compare {
        range: KeyRange::single(key.clone()),
        target: CompareTarget::Create(created),
        result: CompareResult::Equal,
    }
}

fn get(key: &Bytes) -> RangeRequest {
    RangeRequest {
        range: KeyRange::single(key.clone()),
        ..RangeRequest::default()
    }
}

impl KvServer {
    /// Deletes one key; says the revision then.
    pub(super) async fn delete(&self, key: Bytes) -> Result<i64, Status> {
        let range = KeyRange::single(key);
        let request = DeleteRangeRequest {
            range,
            prev_kv: false,
        };
        match self.change(Command::DeleteRange(request)).await? {
            crate::store::Reply::DeleteRange(response) => Ok(response.revision),
            _ => Err(Status::internal("another command's answer")),
        }
    }

    /// Takes a place in the queue `name`, or finds the one that the lease has in it.
    pub(super) async fn enqueue(
        &self,
        name: &[u8],
        lease: LeaseId,
        value: Bytes,
    ) -> Result<Place, Status> {
        let lease = if lease == 0 {
            self.grant(0, TTL_SECONDS).await?.0
        } else {
            lease
        };
        let mut prefix = name.to_vec();
        prefix.push(b'/');
        let mut key = prefix.clone();
        key.extend_from_slice(format!("{lease:x}").as_bytes());
        let key = Bytes::from(key);
        let put = PutRequest {
            key: key.clone(),
            value,
            lease,
            ..PutRequest::default()
        };
        let txn = TxnRequest {
            compare: vec![created(&key, 0)],
            success: vec![Op::Put(put)],
            failure: vec![Op::Range(get(&key))],
        };
        let response = self.txn(txn, false).await?;
        let (created, found) = match response.responses.into_iter().next() {
            Some(OpResponse::Range(there)) => match there.kvs.into_iter().next() {
                Some(kv) => (kv.create_revision, Some(kv.value)),
                None => return Err(expired()),
            },
            _ => (response.revision, None),
        };
        Ok(Place {
            key,
            lease,
            created,
            found,
            prefix,
        })
    }

    /// Waits until all that came before `place` have left; leaves as well if this is given up. Says the revision then.
    pub(super) async fn first_in_queue(self: &Arc<Self>, place: &Place) -> Result<i64, Status> {
        let mut leaving = Leaving {
            server: self.clone(),
            key: Some(place.key.clone()),
        };
        let before = RangeRequest {
            range: KeyRange::prefix(place.prefix.clone()),
            sort_order: SortOrder::Descend,
            sort_target: SortTarget::Create,
            max_create_revision: place.created - 1,
            limit: 1,
            keys_only: true,
            ..RangeRequest::default()
        };
        loop {
            let found = self.range(&before, false).await?;
            match found.kvs.into_iter().next() {
                Some(last) => self.deleted(last, found.revision).await,
                None => break,
            }
        }
        let own = self.range(&get(&place.key), false).await?;
        if own.kvs.first().map(|kv| kv.create_revision) != Some(place.created) {
            return Err(expired());
        }
        leaving.key = None;
        Ok(own.revision)
    }

    /// Waits until a key that was there at `revision` is deleted.
    async fn deleted(self: &Arc<Self>, kv: KeyValue, revision: i64) {
        let (stream, notify) = self.watchers.open();
        let _closing = Closing {
            server: self.clone(),
            stream,
        };
        let watch = WatchRequest {
            range: KeyRange::single(kv.key),
            start_revision: revision + 1,
            no_put: true,
            ..WatchRequest::default()
        };
        self.watchers.with(|hub| hub.create(stream, watch));
        loop {
            while let Some(response) = self.watchers.take(stream) {
                // Where history was compacted meanwhile, a look at the queue says what became of it.
                if !response.events.is_empty() || response.canceled {
                    return;
                }
            }
            notify.notified().await;
        }
    }
}

/// Closes a stream of the hub.
pub(super) struct Closing {
    pub(super) server: Arc<KvServer>,
    pub(super) stream: crate::watch::StreamId,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.server.watchers.close(self.stream);
    }
}

fn expired() -> Status {
    Status::unknown("mutex: session is expired")
}

/// An error of the store, as etcd's Lock and Election services pass it on: they are clients of it, and the code gets lost on the way.
#[allow(clippy::needless_pass_by_value)] // For `map_err`.
pub(super) fn passed_on(status: Status) -> Status {
    Status::unknown(status.message())
}

/// The service.
#[derive(Clone)]
pub(super) struct LockService(pub(super) Arc<KvServer>);

#[tonic::async_trait]
impl Lock for LockService {
    async fn lock(
        &self,
        request: Request<pb::LockRequest>,
    ) -> Result<Response<pb::LockResponse>, Status> {
        let request = request.into_inner();
        let place = self
            .0
            .enqueue(&request.name, request.lease, Bytes::default())
            .await
            .map_err(passed_on)?;
        let revision = self.0.first_in_queue(&place).await.map_err(passed_on)?;
        let header = Some(self.0.header(revision));
        Ok(Response::new(pb::LockResponse {
            header,
            key: place.key.to_vec(),
        }))
    }

    async fn unlock(
        &self,
        request: Request<pb::UnlockRequest>,
    ) -> Result<Response<pb::UnlockResponse>, Status> {
        let deleted = self.0.delete(request.into_inner().key.into()).await;
        let revision = deleted.map_err(passed_on)?;
        let header = Some(self.0.header(revision));
        Ok(Response::new(pb::UnlockResponse { header }))
    }
}
