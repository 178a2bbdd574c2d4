//! Where a read may begin: the leader makes sure that it still leads, once for all who ask at a time (the thesis, section 6.4).

use std::time::Duration;

use openraft::errors::RaftError;
use openraft::{LinearizerOption, ReadPolicy};
use tokio::sync::{mpsc, oneshot};

use super::{Openraft, stopped};
use crate::consensus::peer::{Request, Response};
use crate::consensus::{Consensus, Leadership, ReadError, Transport};
use crate::state_machine::StateMachine;

impl<S: StateMachine, T: Transport> Openraft<S, T> {
    /// Answers those who want to read: one question for all who came while the one before was under way.
    pub(super) async fn answer_reads(
        self,
        mut asked: mpsc::UnboundedReceiver<oneshot::Sender<Result<u64, ReadError>>>,
    ) {
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                _ = asked.recv_many(&mut waiting, usize::MAX) => {}
                _ = self.failed() => return,
            }
            let index = tokio::select! {
                index = self.fresh_index() => index,
                reason = self.failed() => Err(ReadError::Stopped(reason)),
            };
            for reader in waiting.drain(..) {
                // Whoever does not wait any more has no interest.
                let _ = reader.send(index.clone());
            }
        }
    }

    async fn fresh_index(&self) -> Result<u64, ReadError> {
        let Leadership { leader, .. } = *self.inner.leadership.borrow();
        let leader = leader.ok_or_else(|| ReadError::NoLeader("nobody leads".to_owned()))?;
        if leader == self.inner.options.id {
            return self.own_read_index().await;
        }
        let members = self.metrics().membership_config;
        let member = members.membership().get_node(&leader).cloned();
        let way = self.inner.network.way(leader, &member.unwrap_or_default());
        let timeout = self.inner.options.election_timeout;
        match way.ask(Request::ReadIndex, timeout).await {
            Ok(Response::ReadIndex(index)) => index.map_err(ReadError::NoLeader),
            Ok(_) => Err(ReadError::NoLeader("its answer makes no sense".to_owned())),
            Err(failure) => Err(ReadError::NoLeader(failure.to_string())),
        }
    }

    /// From where on a read is fresh, if this member leads.
    pub(super) async fn own_read_index(&self) -> Result<u64, ReadError> {
        let options = &self.inner.options;
        let how = if options.lease_reads {
            // `ReadPolicy::LeaseRead` would take all of the lease, and forgive no difference of clocks.
            LinearizerOption::new(Some(options.lease() * 9 / 10), false)
                .with_wait_timeout(Duration::ZERO)
        } else {
            ReadPolicy::ReadIndex.into()
        };
        match self.inner.raft.get_read_linearizer(how).await {
            Ok(linearizer) => Ok(linearizer.read_log_id().index()),
            Err(RaftError::Fatal(fatal)) => Err(ReadError::Stopped(stopped(&fatal))),
            Err(RaftError::APIError(e)) => Err(ReadError::NoLeader(e.to_string())),
        }
    }
}
