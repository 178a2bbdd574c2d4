//! A line from one member to another: calls on one gRPC stream, each answered when its answer is there, in whatever order. etcd has its
//! Raft messages on two streams of each pair for the same reason (`rafthttp`): most messages are short, and there are many.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::wire::peer::peer_client::PeerClient;
use super::wire::peer::{Call, Message, Reply};

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// Messages of the consensus.
    Raft,
    /// What only the leader can do.
    Leader,
}

/// Calls that may wait for the connection; whoever has another one waits with it.
const UNSENT_MAX: usize = 256;

/// A line. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Line {
    calls: mpsc::Sender<Call>,
    waiting: Arc<Waiting>,
}

/// Who waits for which reply.
#[derive(Debug, Default)]
struct Waiting {
    next: AtomicU64,
    callers: Mutex<BTreeMap<u64, oneshot::Sender<Reply>>>,
}

impl Waiting {
    fn callers(&self) -> MutexGuard<'_, BTreeMap<u64, oneshot::Sender<Reply>>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets a caller who does not wait any more.
struct Caller<'a> {
    waiting: &'a Waiting,
    number: u64,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.waiting.callers().remove(&self.number);
    }
}

impl Line {
    /// A line over `client`, which connects now. It ends with the connection, or when the last clone is dropped.
    pub(super) fn open(mut client: PeerClient<Channel>, topic: Topic) -> Line {
        let (calls, unsent) = mpsc::channel(UNSENT_MAX);
        let waiting = Arc::new(Waiting::default());
        let line = Line {
            calls,
            waiting: waiting.clone(),
        };
        tokio::spawn(async move {
            let unsent = ReceiverStream::new(unsent);
            let replies = match topic {
                Topic::Raft => client.raft(unsent).await,
                Topic::Leader => client.leader(unsent).await,
            };
            let ended = match replies {
                Ok(replies) => hand_out(&waiting, replies.into_inner()).await,
                Err(status) => status,
            };
            // The receiver is gone with the call, so nobody can join them any more but in `ask`, who looks.
            for (number, caller) in std::mem::take(&mut *waiting.callers()) {
                let _ = caller.send(refusal(number, &ended));
            }
        });
        line
    }

    /// Whether the connection was lost.
    pub(super) fn has_ended(&self) -> bool {
        self.calls.is_closed()
    }

    /// Sends a message, and returns what is answered.
    ///
    /// # Errors
    /// The other member's refusal; [`Code::Unavailable`] where there is no connection.
    pub(super) async fn ask(&self, message: Message) -> Result<Bytes, Status> {
        let number = self.waiting.next.fetch_add(1, Ordering::Relaxed);
        let (caller, reply) = oneshot::channel();
        self.waiting.callers().insert(number, caller);
        let _caller = Caller {
            waiting: &self.waiting,
            number,
        };
        let lost = |_| Status::unavailable("the connection was lost");
        let call = Call {
            number,
            message: Some(message),
        };
        self.calls.send(call).await.map_err(|_| lost(()))?;
        let reply = tokio::select! {
            biased;
            reply = reply => reply.map_err(|_| lost(()))?,
            // It ended before the call was in the list of those that are told.
            () = self.calls.closed() => return Err(lost(())),
        };
        match Code::from_i32(reply.code) {
            Code::Ok => Ok(reply.body),
            code => Err(Status::new(code, reply.reason)),
        }
    }
}

/// Gives replies to those who wait for them, until there are no more; says why.
async fn hand_out(waiting: &Waiting, mut replies: tonic::Streaming<Reply>) -> Status {
    loop {
        let reply = match replies.message().await {
            Ok(Some(reply)) => reply,
            Ok(None) => return Status::unavailable("the other member has ended the connection"),
            Err(status) => return Status::unavailable(status.message()),
        };
        let caller = waiting.callers().remove(&reply.number);
        if let Some(caller) = caller {
            // Whoever waited may have given up.
            let _ = caller.send(reply);
        }
    }
}

/// The reply to a call that was refused.
pub(super) fn refusal(number: u64, status: &Status) -> Reply {
    Reply {
        number,
        code: status.code() as i32,
        reason: status.message().to_owned(),
        body: Bytes::new(),
    }
}
