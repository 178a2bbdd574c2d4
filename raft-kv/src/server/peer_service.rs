//! What members are asked by others.

use std::collections::BTreeMap;
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::{AbortHandle, AbortRegistration, Abortable, Aborted};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::kv_server::KvServer;
use super::line::{Topic, refusal};
use super::metrics;
use super::peers::{OTHER_CLUSTER, REMOVED, SHORT_BYTES};
use super::replica::Replica;
use super::wire::peer::peer_server::Peer;
use super::wire::peer::{Answer, Call, MembersRequest, MembersResponse, Message, Reply};

/// The calls on one stream that may be under way, together; more are refused. There are as many as the other member's clients have requests.
const CALLS_BYTES_MAX: usize = 64 << 20;
/// What a call counts for beside its body.
const CALL_BYTES: usize = 1 << 10;

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
        let (service, under_way) = (self.clone(), UnderWay::default());
        let calls = calls
            .into_inner()
            .map_ok(move |call| service.reply(&under_way, call, topic));
        let replies = calls.try_buffer_unordered(usize::MAX);
        Response::new(replies.try_filter_map(|reply| ready(Ok(reply))).boxed())
    }

    /// Takes on a call at once; the reply comes with the answer. None where nobody waits for it any more.
    fn reply(
        &self,
        under_way: &UnderWay,
        call: Call,
        topic: Topic,
    ) -> impl Future<Output = Result<Option<Reply>, Status>> + use<> {
        let (service, number) = (self.clone(), call.number);
        let begun = match call.message {
            Some(message) => Some((under_way.begin(number, message.body.len()), message)),
            None => {
                under_way.cancel(number);
                None
            }
        };
        async move {
            let Some((begun, message)) = begun else {
                return Ok(None);
            };
            let answer = match begun {
                Err(status) => Err(status),
                Ok((_held, registration)) => {
                    let answer = service.answer(message, topic);
                    match Abortable::new(answer, registration).await {
                        Ok(answer) => answer,
                        Err(Aborted) => return Ok(None),
                    }
                }
            };
            Ok(Some(match answer {
                Ok(body) => Reply {
                    number,
                    body,
                    ..Reply::default()
                },
                Err(status) => refusal(number, &status),
            }))
        }
    }
}

/// The calls of one stream that are not answered yet. Clones are the same.
#[derive(Clone, Default)]
struct UnderWay(Arc<Mutex<Calls>>);

#[derive(Default)]
struct Calls {
    handles: BTreeMap<u64, AbortHandle>,
    bytes: usize,
}

/// A call under way. Dropped, it is none any more.
struct Held {
    under_way: UnderWay,
    number: u64,
    bytes: usize,
}

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes on a call of so many bytes.
    fn begin(&self, number: u64, body_bytes: usize) -> Result<(Held, AbortRegistration), Status> {
        if body_bytes > SHORT_BYTES {
            return Err(Status::resource_exhausted(
                "a message of this length is a call of its own",
            ));
        }
        let mut calls = self.lock();
        let bytes = CALL_BYTES + body_bytes;
        if calls.bytes + bytes > CALLS_BYTES_MAX {
            return Err(Status::resource_exhausted(
                "too many calls wait for their answers",
            ));
        }
        calls.bytes += bytes;
        let (handle, registration) = AbortHandle::new_pair();
        calls.handles.insert(number, handle);
        let held = Held {
            under_way: self.clone(),
            number,
            bytes,
        };
        Ok((held, registration))
    }

    /// Nobody waits any more.
    fn cancel(&self, number: u64) {
        if let Some(handle) = self.lock().handles.get(&number) {
            handle.abort();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut calls = self.under_way.lock();
        calls.handles.remove(&self.number);
        calls.bytes -= self.bytes;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_abandoned_is_dropped_and_makes_room() {
        let under_way = UnderWay::default();
        let (held, registration) = under_way.begin(7, 100).unwrap();
        let call = tokio::spawn(async move {
            let _held = held;
            Abortable::new(std::future::pending::<()>(), registration).await
        });
        assert_eq!(under_way.lock().bytes, CALL_BYTES + 100);
        under_way.cancel(8);
        assert_eq!(under_way.lock().handles.len(), 1);
        under_way.cancel(7);
        assert_eq!(call.await.unwrap(), Err(Aborted));
        let calls = under_way.lock();
        assert_eq!((calls.bytes, calls.handles.len()), (0, 0));
    }

    #[test]
    fn what_is_long_or_too_much_is_refused() {
        let under_way = UnderWay::default();
        let exhausted = |begun: Result<_, Status>| {
            begun.is_err_and(|status| status.code() == tonic::Code::ResourceExhausted)
        };
        assert!(exhausted(under_way.begin(0, SHORT_BYTES + 1)));
        let mut held = Vec::new();
        while let Ok(begun) = under_way.begin(held.len() as u64, SHORT_BYTES) {
            held.push(begun);
        }
        let all = held.len() * (SHORT_BYTES + CALL_BYTES);
        assert!(all > CALLS_BYTES_MAX - SHORT_BYTES - CALL_BYTES && all <= CALLS_BYTES_MAX);
        held.pop();
        assert!(under_way.begin(0, SHORT_BYTES).is_ok());
    }
}
