//! Members come and go, one at a time; the leader decides (the thesis, chapter 4).

use std::collections::{BTreeMap, BTreeSet};

use openraft::ChangeMembers;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};

use super::{Metrics, Openraft, propose_error, stopped};
use crate::consensus::{Consensus, Member, MembershipError, ProposeError, Transport};
use crate::state_machine::StateMachine;

/// A member with this many entries less than the leader has not caught up.
const CAUGHT_UP_ENTRIES: u64 = 100;

impl<S: StateMachine, T: Transport> Openraft<S, T> {
    /// While this member leads, gives those that were added with a wish for a vote theirs, when they have caught up: before, they
    /// would count for the majority without being able to help (the thesis, section 4.2.1).
    pub(super) async fn give_votes(self) {
        let mut all = self.inner.raft.metrics();
        // What changes with every entry is looked at only while somebody waits.
        let mut seldom = self.inner.raft.server_metrics();
        loop {
            let metrics = self.metrics();
            let nodes = metrics.membership_config.nodes();
            let waiting: Vec<u64> = nodes
                .filter(|(id, member)| member.wants_vote && !is_voter(&metrics, **id))
                .map(|(id, _)| *id)
                .collect();
            for id in &waiting {
                if has_caught_up(&metrics, *id) {
                    let change = ChangeMembers::AddVoterIds(BTreeSet::from([*id]));
                    if let Err(error) = self.change(change, true).await {
                        tracing::debug!("member {id:x} gets no vote yet: {error}");
                        // The refusal itself counts as news.
                        tokio::time::sleep(self.inner.options.heartbeat_interval).await;
                    }
                }
            }
            let changed = if waiting.is_empty() {
                seldom.changed().await
            } else {
                all.changed().await
            };
            if changed.is_err() {
                return;
            }
        }
    }

    pub(super) async fn add(
        &self,
        id: u64,
        member: Member,
        is_learner: bool,
    ) -> Result<(), MembershipError> {
        if self
            .leading()?
            .membership_config
            .membership()
            .get_node(&id)
            .is_some()
        {
            return Err(MembershipError::Exists(id));
        }
        let member = Member {
            wants_vote: !is_learner,
            ..member
        };
        let change = ChangeMembers::AddNodes(BTreeMap::from([(id, member)]));
        self.change(change, true).await
    }

    pub(super) async fn promote(&self, id: u64) -> Result<(), MembershipError> {
        let metrics = self.leading()?;
        let members = metrics.membership_config.membership();
        let member = members.get_node(&id).ok_or(MembershipError::NotFound(id))?;
        if is_voter(&metrics, id) || member.wants_vote {
            return Err(MembershipError::NotLearner(id));
        }
        if !has_caught_up(&metrics, id) {
            return Err(MembershipError::NotReady(id));
        }
        let change = ChangeMembers::AddVoterIds(BTreeSet::from([id]));
        self.change(change, true).await
    }

    pub(super) async fn remove(&self, id: u64) -> Result<(), MembershipError> {
        let metrics = self.leading()?;
        let members = metrics.membership_config.membership();
        if members.get_node(&id).is_none() {
            return Err(MembershipError::NotFound(id));
        }
        let ids = BTreeSet::from([id]);
        if !is_voter(&metrics, id) {
            return self.change(ChangeMembers::RemoveNodes(ids), false).await;
        }
        if members.voter_ids().count() == 1 {
            return Err(MembershipError::LastVoter(id));
        }
        self.change(ChangeMembers::RemoveVoters(ids), false).await
    }

    pub(super) async fn update(&self, id: u64, member: Member) -> Result<(), MembershipError> {
        let metrics = self.leading()?;
        let members = metrics.membership_config.membership();
        let known = members.get_node(&id).ok_or(MembershipError::NotFound(id))?;
        let member = Member {
            wants_vote: known.wants_vote,
            ..member
        };
        let change = ChangeMembers::SetNodes(BTreeMap::from([(id, member)]));
        self.change(change, true).await
    }

    pub(super) async fn transfer(&self, to: u64) -> Result<(), MembershipError> {
        let metrics = self.leading()?;
        if !is_voter(&metrics, to) {
            return Err(MembershipError::NotFound(to));
        }
        let mut leadership = self.leadership();
        let triggered = self.inner.raft.trigger().transfer_leader(to).await;
        triggered.map_err(|fatal| ProposeError::Stopped(stopped(&fatal)))?;
        let done = leadership.wait_for(|now| now.leader == Some(to));
        let timeout = self.inner.options.election_timeout * 3;
        match tokio::time::timeout(timeout, done).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(MembershipError::TransferTimedOut(to)),
        }
    }

    async fn change(
        &self,
        change: ChangeMembers<u64, Member>,
        retain: bool,
    ) -> Result<(), MembershipError> {
        match self.inner.raft.change_membership(change, retain).await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => {
                Err(match error {
                    ChangeMembershipError::LearnerNotFound(e) => {
                        MembershipError::NotFound(e.node_id)
                    }
                    ChangeMembershipError::EmptyMembership(_) => {
                        MembershipError::LastVoter(self.inner.options.id)
                    }
                    _ => MembershipError::InProgress,
                })
            }
            Err(error) => Err(propose_error(error).into()),
        }
    }
}

pub(super) fn is_voter(metrics: &Metrics, id: u64) -> bool {
    let mut voters = metrics.membership_config.voter_ids();
    voters.any(|voter| voter == id)
}

pub(super) fn matched(metrics: &Metrics, id: u64) -> Option<u64> {
    let replication = metrics.replication.as_ref()?;
    replication.get(&id)?.as_ref().map(|matched| matched.index)
}

fn has_caught_up(metrics: &Metrics, id: u64) -> bool {
    let last = metrics.last_log_index.unwrap_or(0);
    matched(metrics, id).is_some_and(|matched| matched + CAUGHT_UP_ENTRIES >= last)
}
