//! Proposals on their way to the leader, wherever that is. Those that are made at about the same time go together: as one message to
//! another member, and as one append to the log. The answers come one by one, when this member applies what was proposed.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use tonic::Status;
use tracing::{debug, instrument};

use super::errors;
use super::kv_server::{Ask, KvServer, Told};
use super::metrics;
use super::peers::{PeerError, SHORT_BYTES};
use super::replica::{Command, Outcome, Request, Untaken, Waits};
use crate::consensus::{Consensus, ProposeError};

/// How far behind the commit index this member may be and still take proposals.
const UNAPPLIED_MAX: u64 = 5_000;
/// Of how many bytes several proposals may be in one message.
const MESSAGE_BYTES: usize = SHORT_BYTES / 4;

/// What was proposed and is not on its way yet.
#[derive(Debug, Default)]
pub(super) struct Proposals {
    made: Mutex<Vec<Arc<Command>>>,
    is_made: Notify,
}

impl Proposals {
    fn make(&self, command: Arc<Command>) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.push(command);
        self.is_made.notify_one();
    }

    /// All that was made, as soon as there is something.
    async fn next(&self) -> Vec<Arc<Command>> {
        self.is_made.notified().await;
        // Requests that can be read now come along.
        tokio::task::yield_now().await;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *made)
    }
}

/// Drops the registration of a request that nobody waits for any more.
struct Waiting<'a> {
    waits: &'a Waits,
    id: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waits.forget(self.id);
        metrics::proposals_pending(-1.0);
    }
}

impl KvServer {
    /// Proposes, and waits until this member has applied it.
    #[instrument(level = "debug", skip_all)]
    pub(super) async fn propose(&self, request: Request) -> Result<Outcome, Status> {
        if self.engine.unapplied() > UNAPPLIED_MAX {
            return Err(errors::TOO_MANY_REQUESTS.into());
        }
        let id = self.ids.next();
        metrics::proposals_pending(1.0);
        let _waiting = Waiting {
            waits: &self.waits,
            id,
        };
        let term = self.engine.leadership().borrow().term;
        let applied = self.until_applied(Arc::new(Command { id, request }));
        match tokio::time::timeout(self.settings.request_timeout(), applied).await {
            Ok(outcome) => outcome.inspect_err(|_| metrics::proposal_failed()),
            Err(_) => {
                metrics::proposal_failed();
                let now = self.engine.leadership().borrow().term;
                Err(if now == term {
                    errors::TIMEOUT
                } else {
                    errors::TIMEOUT_LEADER_FAILED
                }
                .into())
            }
        }
    }

    async fn until_applied(&self, command: Arc<Command>) -> Result<Outcome, Status> {
        let mut leadership = self.engine.leadership();
        loop {
            leadership.mark_unchanged();
            let told = self.waits.register(command.id);
            self.proposals.make(command.clone());
            match told.await {
                Ok(Ok(outcome)) => return Ok(outcome),
                Ok(Err(Untaken::NotLeader)) => self.leader_changes(&mut leadership).await,
                Ok(Err(Untaken::Stopped)) | Err(_) => return Err(errors::STOPPED.into()),
            }
        }
    }

    /// Sends proposals as they are made, for as long as this member runs.
    pub(super) async fn send_proposals(self: &Arc<KvServer>) {
        loop {
            let commands = self.proposals.next().await;
            if commands.is_empty() {
                // They went with the last ones.
                continue;
            }
            let server = self.clone();
            tokio::spawn(async move {
                let patience = server.settings.request_timeout();
                // Then nobody waits for them any more.
                let _ = tokio::time::timeout(patience, server.send(commands)).await;
            });
        }
    }

    /// Who made a proposal that was certainly not taken hears so. Others can but wait until it is applied, or never is.
    async fn send(&self, commands: Vec<Arc<Command>>) {
        let leader = self.engine.leadership().borrow().leader;
        match leader {
            None => self.nobody_leads(&commands),
            Some(leader) if leader == self.identity.member_id => {
                self.tell(&commands, &self.propose_here(&commands).await);
            }
            Some(leader) => {
                let forwarded = parcels(commands)
                    .into_iter()
                    .map(|parcel| self.forward(leader, parcel));
                futures::future::join_all(forwarded).await;
            }
        }
    }

    fn tell(&self, commands: &[Arc<Command>], taken: &[Taken]) {
        for (command, taken) in commands.iter().zip(taken) {
            if let Err(why) = taken {
                self.waits.refuse(command.id, *why);
            }
        }
    }

    fn nobody_leads(&self, commands: &[Arc<Command>]) {
        for command in commands {
            self.waits.refuse(command.id, Untaken::NotLeader);
        }
    }

    async fn forward(&self, leader: u64, commands: Vec<Arc<Command>>) {
        let told = self.ask(leader, &Ask::Propose(commands.clone())).await;
        let error = match told {
            Ok(Told::Proposed(taken)) => return self.tell(&commands, &taken),
            Ok(other) => return debug!("another question's answer: {other:?}"),
            Err(error) => error,
        };
        debug!("the leader may not have got proposals: {error}");
        if let Some(PeerError::Unsent { .. } | PeerError::NoUrl(_)) = error.downcast_ref() {
            self.nobody_leads(&commands);
        }
    }

    /// Hands commands to this member's consensus; it ends when all are committed, or may be.
    pub(super) async fn propose_here(&self, commands: &[Arc<Command>]) -> Vec<Taken> {
        let proposed = self.engine.propose_all(commands).await.into_iter();
        let taken = proposed.map(|proposed| match proposed {
            Ok(()) | Err(ProposeError::Unknown) => Ok(()),
            Err(ProposeError::NotLeader { .. }) => Err(Untaken::NotLeader),
            Err(ProposeError::Stopped(_)) => Err(Untaken::Stopped),
        });
        taken.collect()
    }
}

/// Whether a proposal may come into the log.
pub(super) type Taken = Result<(), Untaken>;

/// The same commands, in messages of a size that others need not wait for; a long one goes by itself.
fn parcels(commands: Vec<Arc<Command>>) -> Vec<Vec<Arc<Command>>> {
    let mut parcels: Vec<(usize, Vec<_>)> = Vec::new();
    for command in commands {
        let more = postcard::experimental::serialized_size(&*command).unwrap_or(0);
        match parcels.last_mut() {
            Some((bytes, parcel)) if *bytes + more <= MESSAGE_BYTES => {
                *bytes += more;
                parcel.push(command);
            }
            _ => parcels.push((more, vec![command])),
        }
    }
    parcels.into_iter().map(|(_, parcel)| parcel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{self, PutRequest};

    fn put(bytes: usize) -> Arc<Command> {
        let put = PutRequest {
            value: vec![0; bytes].into(),
            ..PutRequest::default()
        };
        let request = Request::Store(store::Command::Put(put));
        Arc::new(Command { id: 0, request })
    }

    #[test]
    fn a_message_is_short_unless_a_proposal_is_long() {
        let lens = |sizes: &[usize]| -> Vec<usize> {
            let commands = sizes.iter().map(|bytes| put(*bytes)).collect();
            parcels(commands).iter().map(Vec::len).collect()
        };
        assert_eq!(lens(&[]), [0; 0]);
        assert_eq!(lens(&[256; 100]), [100]);
        assert_eq!(lens(&[MESSAGE_BYTES / 3; 8]), [2, 2, 2, 2]);
        assert_eq!(lens(&[4 << 20, 1, 1]), [1, 2]);
        assert_eq!(lens(&[1, 1, 4 << 20, 1]), [2, 1, 1]);
        // With its envelope, it is short enough for the stream.
        let full = parcels(vec![put(MESSAGE_BYTES - 100), put(1)]);
        let bytes = postcard::to_stdvec(&Ask::Propose(full[0].clone()));
        assert!(full.len() == 1 && bytes.is_ok_and(|bytes| bytes.len() < SHORT_BYTES));
    }

    #[tokio::test]
    async fn what_is_proposed_at_a_time_goes_together() {
        let proposals = Proposals::default();
        proposals.make(put(1));
        let two = async {
            proposals.make(put(2));
            proposals.make(put(3));
        };
        let (sent, ()) = tokio::join!(proposals.next(), two);
        assert_eq!(sent.len(), 3);
        proposals.make(put(4));
        assert_eq!(proposals.next().await.len(), 1);
    }
}
