//! A line from one member to another: calls on one gRPC stream, each answered when its answer is there, in whatever order. etcd has its
//! Raft messages on two streams of each pair for the same reason (`rafthttp`): most messages are short, and there are many.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
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
    callers: Mutex<Callers>,
    /// Whether a call may have left this member.
    was_used: AtomicBool,
}

type Callers = BTreeMap<u64, oneshot::Sender<Result<Reply, LineError>>>;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum LineError {
    /// It never left, or was refused unread: the other member has certainly not done it.
    Unsent(Status),
    /// It may have got it, or has refused it.
    Failed(Status),
}

impl Waiting {
    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets a caller who does not wait any more, on both sides.
struct Caller<'a> {
    line: &'a Line,
    number: u64,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        if self.line.waiting.callers().remove(&self.number).is_some() {
            let cancel = Call {
                number: self.number,
                message: None,
            };
            // Where so many wait to be sent that there is no room for it, the other side bounds what it keeps.
            let _ = self.line.calls.try_send(cancel);
        }
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
            let used = waiting.clone();
            let unsent = ReceiverStream::new(unsent)
                .inspect(move |_| used.was_used.store(true, Ordering::Relaxed));
            let replies = match topic {
                Topic::Raft => client.raft(unsent).await,
                Topic::Leader => client.leader(unsent).await,
            };
            let ended = match replies {
                Ok(replies) => hand_out(&waiting, replies.into_inner()).await,
                Err(status) => status,
            };
            let error = match waiting.was_used.load(Ordering::Relaxed) {
                true => LineError::Failed(ended),
                false => LineError::Unsent(ended),
            };
            // The receiver is gone with the call, so nobody can join them any more but in `ask`, who looks.
            for caller in std::mem::take(&mut *waiting.callers()).into_values() {
                let _ = caller.send(Err(error.clone()));
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
    /// [`LineError`].
    pub(super) async fn ask(&self, message: Message) -> Result<Bytes, LineError> {
        let number = self.waiting.next.fetch_add(1, Ordering::Relaxed);
        let (caller, reply) = oneshot::channel();
        self.waiting.callers().insert(number, caller);
        let _caller = Caller { line: self, number };
        let lost = || Status::unavailable("the connection was lost");
        let call = Call {
            number,
            message: Some(message),
        };
        if self.calls.send(call).await.is_err() {
            return Err(LineError::Unsent(lost()));
        }
        let reply = tokio::select! {
            biased;
            reply = reply => reply.map_err(|_| LineError::Failed(lost()))??,
            // It ended before the call was in the list of those that are told, or those are not told yet. Nothing leaves it any more.
            () = self.calls.closed() => {
                return Err(match self.waiting.was_used.load(Ordering::Relaxed) {
                    true => LineError::Failed(lost()),
                    false => LineError::Unsent(lost()),
                });
            }
        };
        match Code::from_i32(reply.code) {
            Code::Ok => Ok(reply.body),
            Code::ResourceExhausted => Err(LineError::Unsent(Status::new(
                Code::ResourceExhausted,
                reply.reason,
            ))),
            code => Err(LineError::Failed(Status::new(code, reply.reason))),
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
            let _ = caller.send(Ok(reply));
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A line whose calls go nowhere.
    fn line() -> (Line, mpsc::Receiver<Call>) {
        let (calls, sent) = mpsc::channel(UNSENT_MAX);
        let waiting = Arc::default();
        (Line { calls, waiting }, sent)
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_says_so() {
        let (line, mut sent) = line();
        let patience = Duration::from_secs(1);
        let asked = tokio::time::timeout(patience, line.ask(Message::default())).await;
        assert!(asked.is_err(), "{asked:?}");
        let (call, cancel) = (sent.recv().await.unwrap(), sent.recv().await.unwrap());
        assert_eq!((call.number, cancel.number), (0, 0));
        assert!(call.message.is_some() && cancel.message.is_none());
    }

    #[tokio::test]
    async fn who_was_answered_or_refused_unread_gives_nothing_up() {
        let (line, mut sent) = line();
        let other_side = async {
            for code in [Code::Ok, Code::ResourceExhausted, Code::Internal] {
                let number = sent.recv().await.unwrap().number;
                let caller = line.waiting.callers().remove(&number).unwrap();
                let reply = refusal(number, &Status::new(code, "no"));
                caller.send(Ok(reply)).unwrap();
            }
        };
        let asked = async {
            let answer = line.ask(Message::default()).await;
            assert!(answer.is_ok(), "{answer:?}");
            let unread = line.ask(Message::default()).await;
            assert!(matches!(unread, Err(LineError::Unsent(_))), "{unread:?}");
            let failed = line.ask(Message::default()).await;
            assert!(matches!(failed, Err(LineError::Failed(_))), "{failed:?}");
        };
        tokio::join!(other_side, asked);
        assert!(sent.try_recv().is_err(), "nothing is taken back");
    }
}
