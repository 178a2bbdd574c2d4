//! How far a group has read: offsets committed, fetched, and forgotten.

use std::collections::BTreeSet;
use std::time::Duration;

use node::Time;

use super::records;
use super::state::{Group, State};
use super::sync::MemberRef;
use super::{Action, Config, Coordinator, Purpose, Ticket, Turn};
use crate::error::ErrorCode;

/// The protocol type of consumers, whose subscriptions the coordinator can read.
const CONSUMER: &str = "consumer";

/// A committed offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The next offset that the group will read.
    pub offset: i64,
    /// The leader epoch of the last record read; -1 if unknown.
    pub leader_epoch: i32,
    /// Anything the client wants to keep with it.
    pub metadata: String,
    /// Milliseconds since the epoch.
    pub commit_timestamp_ms: i64,
    /// When it is forgotten, in milliseconds since the epoch, where an old client (OffsetCommit 2 to 4) said so itself.
    pub expire_timestamp_ms: Option<i64>,
}

/// An offset to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetCommit {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// As in [`Committed`].
    pub offset: i64,
    /// As in [`Committed`].
    pub leader_epoch: i32,
    /// As in [`Committed`].
    pub metadata: String,
}

/// An OffsetCommit request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitRequest {
    /// Who commits. Generation -1 and no member id: a client that assigns partitions to itself.
    pub member: MemberRef,
    /// How long they are to be kept, where the client says so.
    pub retention: Option<Duration>,
    /// What it commits.
    pub offsets: Vec<OffsetCommit>,
}

/// Of a commit, what is to be stored, and an answer for each partition, those refused included.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub(super) offsets: Vec<((String, i32), Committed)>,
    pub(super) codes: Vec<ErrorCode>,
}

impl Coordinator {
    /// Commits offsets. Answered with [`Action::Committed`].
    pub fn commit(&mut self, ticket: Ticket, request: &CommitRequest, now: Time) -> Vec<Action> {
        let count = request.offsets.len();
        let group_id = request.member.group_id.clone();
        // A client that assigns to itself needs no group to be there.
        let create = request.member.generation < 0;
        let refusal = match self.turn(&group_id, create, now) {
            None => Err(ErrorCode::IllegalGeneration),
            Some((group, mut turn)) => group.may_commit(&request.member).map(|()| {
                group.heard_of(&request.member.member_id, now);
                let accepted = group.accept(request, turn.config, now);
                group.commit(ticket, accepted, &mut turn);
            }),
        };
        if let Err(error) = refusal {
            self.actions
                .push(Action::Committed(ticket, vec![error; count]));
        }
        self.take_actions()
    }

    /// The committed offset of a partition.
    pub fn committed(&self, group_id: &str, topic: &str, partition: i32) -> Option<&Committed> {
        let group = self.groups.get(group_id)?;
        group.offsets.get(&(topic.to_owned(), partition))
    }

    /// Forgets offsets that nobody needs any more, and groups of which nothing is left. Called every
    /// `offsets.retention.check.interval.ms`.
    pub fn expire_offsets(&mut self, now: Time) -> Vec<Action> {
        let ids: Vec<String> = self.groups.keys().cloned().collect();
        for id in ids {
            if let Some((group, mut turn)) = self.turn(&id, false, now) {
                // A later offset may be on its way to the log, whose place is before the tombstone's.
                if !turn.is_committing(&id) {
                    let expired = group.expired_offsets(turn.config.offsets_retention, now);
                    group.forget(None, expired, &mut turn);
                }
            }
        }
        self.take_actions()
    }

    /// Deletes a group that nobody is in. Answered with [`Action::Done`].
    pub fn delete_group(&mut self, ticket: Ticket, group_id: &str, now: Time) -> Vec<Action> {
        let refusal = match self.turn(group_id, false, now) {
            _ if group_id.is_empty() => Some(ErrorCode::InvalidGroupId),
            None => Some(ErrorCode::GroupIdNotFound),
            Some((group, mut turn)) => match group.state {
                State::Dead => Some(ErrorCode::GroupIdNotFound),
                State::Empty => {
                    let all = group.offsets.keys().cloned().collect();
                    group.forget(Some(ticket), all, &mut turn);
                    None
                }
                _ => Some(ErrorCode::NonEmptyGroup),
            },
        };
        self.actions
            .extend(refusal.map(|error| Action::Done(ticket, error)));
        self.take_actions()
    }

    /// Deletes some of a group's offsets (KIP-496): a code for each, and [`Action::Done`] for all that are accepted.
    ///
    /// # Errors
    /// When there is no such group, or its members' subscriptions cannot be told.
    pub fn delete_offsets(
        &mut self,
        ticket: Ticket,
        group_id: &str,
        partitions: &[(String, i32)],
        now: Time,
    ) -> Result<(Vec<ErrorCode>, Vec<Action>), ErrorCode> {
        let (group, mut turn) = match self.turn(group_id, false, now) {
            Some(found) if found.0.state != State::Dead => found,
            _ => return Err(ErrorCode::GroupIdNotFound),
        };
        let is_consumers = group.protocol_type.as_deref() == Some(CONSUMER);
        if group.state != State::Empty && !is_consumers {
            return Err(ErrorCode::NonEmptyGroup);
        }
        let subscribed = group.subscribed_topics();
        let is_used = |topic: &String| match &subscribed {
            Some(topics) => topics.contains(topic),
            None => !group.members.is_empty(),
        };
        let code = |(topic, _): &(String, i32)| {
            if is_used(topic) {
                ErrorCode::GroupSubscribedToTopic
            } else {
                ErrorCode::None
            }
        };
        let codes = partitions.iter().map(code).collect();
        let free = partitions.iter().filter(|(topic, _)| !is_used(topic));
        let free: Vec<(String, i32)> = free.cloned().collect();
        if free.is_empty() {
            turn.actions.push(Action::Done(ticket, ErrorCode::None));
        } else {
            let tombstones = free.iter();
            let tombstones = tombstones.map(|key| records::offset(group_id, key, None));
            let purpose = Purpose::Forget {
                ticket: Some(ticket),
                offsets: free.clone(),
                group: false,
            };
            let tombstones = tombstones.collect();
            turn.append(group_id, tombstones, purpose);
        }
        Ok((codes, self.take_actions()))
    }

    /// A topic was deleted: so are the offsets in it.
    pub fn topic_deleted(&mut self, topic: &str, now: Time) -> Vec<Action> {
        let ids: Vec<String> = self.groups.keys().cloned().collect();
        for id in ids {
            if let Some((group, mut turn)) = self.turn(&id, false, now) {
                let gone = group.offsets.keys().filter(|(name, _)| name == topic);
                let gone: Vec<(String, i32)> = gone.cloned().collect();
                group.forget(None, gone, &mut turn);
            }
        }
        self.take_actions()
    }
}

impl Group {
    /// Who may commit: a member of the current generation ([`Group::check_generation`]), once it can have been told what it owns; and, where
    /// nobody is a member, a client that assigns partitions to itself (generation −1).
    ///
    /// # Errors
    /// [`ErrorCode::CoordinatorNotAvailable`] of a group that is being removed; [`ErrorCode::UnknownMemberId`] of a client that
    /// says that it is nobody, where there are members; [`ErrorCode::RebalanceInProgress`] between a generation and its assignment.
    fn may_commit(&self, member: &MemberRef) -> Result<(), ErrorCode> {
        let _ = member;
        todo!("kafka/offset-commit: a member of this generation, or anybody where there are none.")
    }

    /// What of a commit can be stored, and a code for each of its partitions, in their order: metadata must not be longer than
    /// [`Config::offset_metadata_bytes_max`]. Times are in milliseconds since the epoch.
    fn accept(&self, request: &CommitRequest, config: &Config, now: Time) -> Accepted {
        let _ = (request, config, now);
        todo!("kafka/offset-commit: each partition by itself is taken or refused.")
    }

    /// Puts offsets on their way to the log.
    fn commit(&mut self, ticket: Ticket, accepted: Accepted, turn: &mut Turn<'_>) {
        let Accepted { offsets, codes } = accepted;
        if offsets.is_empty() {
            turn.actions.push(Action::Committed(ticket, codes));
            return;
        }
        let stored = offsets.iter();
        let stored = stored.map(|(key, committed)| records::offset(&self.id, key, Some(committed)));
        let stored = stored.collect();
        let accepted = Accepted { offsets, codes };
        let purpose = Purpose::Commit { ticket, accepted };
        turn.append(&self.id, stored, purpose);
    }

    /// What was accepted is in the log, or could not be put there: these are the committed offsets now, or none of them is. The
    /// codes that the client hears.
    pub(super) fn offsets_stored(
        &mut self,
        accepted: Accepted,
        result: Result<(), ErrorCode>,
    ) -> Vec<ErrorCode> {
        let _ = (accepted, result);
        todo!("kafka/offset-commit: now they are committed, or none of them is.")
    }

    /// The topics that its members subscribe to; none where that cannot be told.
    pub(super) fn subscribed_topics(&self) -> Option<BTreeSet<String>> {
        let protocol = match (&self.protocol_type, &self.protocol) {
            (Some(kind), Some(protocol)) if kind == CONSUMER => protocol,
            _ => return None,
        };
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(records::subscription_topics(&member.metadata(protocol))?);
        }
        Some(topics)
    }

    /// What may be forgotten: of a group that has been empty for the time of retention, everything; of one that
    /// consumers are in, what they no longer subscribe to; where there never were members, what was not committed again.
    fn expired_offsets(&self, retention: Duration, now: Time) -> Vec<(String, i32)> {
        let is_past = |from_ms: i64| {
            let kept_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
            millis(now) >= from_ms.saturating_add(kept_ms)
        };
        let subscribed = self.subscribed_topics();
        let is_unused = |topic: &str, committed: &Committed| match self.state {
            State::Dead => false,
            State::Empty if self.protocol_type.is_some() => {
                is_past(millis(self.state_since).max(committed.commit_timestamp_ms))
            }
            State::Empty => is_past(committed.commit_timestamp_ms),
            State::Stable => {
                let subscribed = subscribed.as_ref();
                subscribed.is_some_and(|topics| !topics.contains(topic))
                    && is_past(committed.commit_timestamp_ms)
            }
            State::PreparingRebalance | State::CompletingRebalance => false,
        };
        let expired = |(topic, committed): (&str, &Committed)| match committed.expire_timestamp_ms {
            Some(at_ms) => self.state == State::Empty && millis(now) >= at_ms,
            None => is_unused(topic, committed),
        };
        let all = self.offsets.iter();
        let expired = all.filter(|((topic, _), committed)| expired((topic, committed)));
        expired.map(|(key, _)| key.clone()).collect()
    }

    /// Puts tombstones on their way to the log: of these offsets, and of the group itself if nothing is left of it.
    fn forget(&mut self, ticket: Option<Ticket>, offsets: Vec<(String, i32)>, turn: &mut Turn<'_>) {
        let nothing_left = self.state == State::Empty
            && self.pending.is_empty()
            && !turn.is_committing(&self.id)
            && offsets.len() == self.offsets.len();
        if offsets.is_empty() && !nothing_left {
            let done = ticket.map(|ticket| Action::Done(ticket, ErrorCode::None));
            turn.actions.extend(done);
            return;
        }
        let tombstones = offsets.iter();
        let tombstones = tombstones.map(|key| records::offset(&self.id, key, None));
        let mut tombstones: Vec<_> = tombstones.collect();
        if nothing_left {
            tombstones.push(records::group_tombstone(&self.id));
            // Nobody may join it while its end is being written. Should that fail, it has been empty for as long as before.
            self.state = State::Dead;
        }
        let purpose = Purpose::Forget {
            ticket,
            offsets,
            group: nothing_left,
        };
        turn.append(&self.id, tombstones, purpose);
    }
}

fn millis(time: Time) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
