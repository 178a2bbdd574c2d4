//! The first half of a rebalance: everyone joins, and a generation is made of those who did.

use std::time::Duration;

use node::Time;

use super::member::{Member, Protocol};
use super::records;
use super::state::{Group, JoinTimer, State};
use super::{Action, Coordinator, Purpose, SyncAnswer, Ticket, Turn};
use crate::error::ErrorCode;

/// A member that joins for the first time is waited for so long even if its session timeout is shorter: it may not
/// send heartbeats before it has its answer.
const NEW_MEMBER_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Nobody comes back faster. Without it a group of static members, none of whom comes, would be waited for again at once,
/// for ever.
pub(super) const REBALANCE_TIMEOUT_MIN: Duration = Duration::from_secs(1);
/// Bytes of a client's or an instance's name that go into a member's id: far less than what a string of the protocol may have.
const ID_PREFIX_BYTES_MAX: usize = 255;

/// A JoinGroup request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    /// `group.id`.
    pub group_id: String,
    /// Empty for a member that has none yet.
    pub member_id: String,
    /// `group.instance.id` of a static member.
    pub instance_id: Option<String>,
    /// `client.id`.
    pub client_id: String,
    /// The address that it connects from.
    pub client_host: String,
    /// `consumer`, `connect`, …
    pub protocol_type: String,
    /// In the order in which the member likes them.
    pub protocols: Vec<Protocol>,
    /// `session.timeout.ms`.
    pub session_timeout: Duration,
    /// `max.poll.interval.ms`.
    pub rebalance_timeout: Duration,
    /// Whether the client knows that it has to join twice, the second time with the id that it is given (KIP-394,
    /// since version 4 of the request). So a client that gives up and tries again leaves no member behind.
    pub knows_member_id_required: bool,
    /// Whether the client knows of [`JoinAnswer::skip_assignment`] (KIP-814, since version 9 of the request).
    pub knows_skip_assignment: bool,
}

/// One of those who joined, as the leader is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
    /// What it said for the protocol that was chosen.
    pub metadata: Vec<u8>,
}

/// The answer to a join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinAnswer {
    /// Whether it was accepted; else only `member_id` has a meaning.
    pub error: ErrorCode,
    /// The generation that the member is in now; -1 with an error.
    pub generation: i32,
    /// The protocol by which the leader is to assign.
    pub protocol: String,
    /// The leader's id.
    pub leader: String,
    /// The member's own id.
    pub member_id: String,
    /// Everyone, if the member is the leader; else nobody.
    pub members: Vec<JoinedMember>,
    /// The member is the leader and must not assign: the assignment stands.
    pub skip_assignment: bool,
}

impl JoinAnswer {
    /// An answer that refuses.
    pub fn refused(member_id: &str, error: ErrorCode) -> JoinAnswer {
        JoinAnswer {
            error,
            generation: -1,
            protocol: String::new(),
            leader: String::new(),
            member_id: member_id.to_owned(),
            members: Vec::new(),
            skip_assignment: false,
        }
    }
}

impl Coordinator {
    /// A member wants to be in the next generation. Answered with [`Action::Joined`], mostly not at once.
    pub fn join(&mut self, ticket: Ticket, mut request: JoinRequest, now: Time) -> Vec<Action> {
        request.rebalance_timeout = request.rebalance_timeout.max(REBALANCE_TIMEOUT_MIN);
        let JoinRequest {
            group_id,
            member_id,
            ..
        } = &request;
        let timeouts = self.config.session_timeout_min..=self.config.session_timeout_max;
        let refusal = if group_id.is_empty() {
            Some(ErrorCode::InvalidGroupId)
        } else if !timeouts.contains(&request.session_timeout) {
            Some(ErrorCode::InvalidSessionTimeout)
        } else {
            None
        };
        if let Some(error) = refusal {
            return vec![Action::Joined(
                ticket,
                JoinAnswer::refused(member_id, error),
            )];
        }
        let (group_id, member_id) = (group_id.clone(), member_id.clone());
        match self.turn(&group_id, member_id.is_empty(), now) {
            Some((group, mut turn)) => {
                if let Err(error) = group.join(ticket, request, &mut turn) {
                    turn.joined(Some(ticket), JoinAnswer::refused(&member_id, error));
                }
                group.complete_join_if_all_are_there(&mut turn);
            }
            None => {
                let answer = JoinAnswer::refused(&member_id, ErrorCode::UnknownMemberId);
                self.actions.push(Action::Joined(ticket, answer));
            }
        }
        self.take_actions()
    }
}

impl Group {
    fn join(
        &mut self,
        ticket: Ticket,
        request: JoinRequest,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorCode> {
        if self.state == State::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        if !self.has_room_for(&request.member_id, turn.config.size_max) {
            return Err(ErrorCode::GroupMaxSizeReached);
        }
        if !self.accepts(&request.protocol_type, &request.protocols) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        if request.member_id.is_empty() {
            self.join_unknown(ticket, request, turn);
        } else if self.pending.contains_key(&request.member_id) {
            if request.instance_id.is_some() {
                return Err(ErrorCode::InvalidRequest);
            }
            let member_id = request.member_id.clone();
            self.add_member(ticket, member_id, request, turn);
        } else {
            self.check_member(&request.member_id, request.instance_id.as_deref())?;
            return self.join_again(ticket, &request, turn);
        }
        Ok(())
    }

    /// Members that were in the group come back to it however full it is; while it rebalances, those who were there
    /// first are.
    fn has_room_for(&self, member_id: &str, size_max: usize) -> bool {
        let known = self.members.get(member_id);
        let joined = |m: &&Member| m.awaiting_join.is_some();
        match self.state {
            State::Empty | State::Dead => true,
            State::PreparingRebalance => {
                known.filter(joined).is_some()
                    || self.members.values().filter(joined).count() < size_max
            }
            State::CompletingRebalance | State::Stable => {
                known.is_some() || self.members.len() < size_max
            }
        }
    }

    /// A member without an id: a static one may have the place of an earlier process of its name, a dynamic one is
    /// given an id, with which it comes back.
    fn join_unknown(&mut self, ticket: Ticket, request: JoinRequest, turn: &mut Turn<'_>) {
        let prefix = request.instance_id.as_ref().unwrap_or(&request.client_id);
        let new_id = member_id(prefix, turn);
        match &request.instance_id {
            Some(instance) if self.static_members.contains_key(instance) => {
                let instance = instance.clone();
                self.take_over(ticket, &instance, new_id, &request, turn);
            }
            None if request.knows_member_id_required => {
                let until = turn.now + request.session_timeout;
                self.pending.insert(new_id.clone(), until);
                let answer = JoinAnswer::refused(&new_id, ErrorCode::MemberIdRequired);
                turn.joined(Some(ticket), answer);
            }
            _ => self.add_member(ticket, new_id, request, turn),
        }
    }

    fn add_member(
        &mut self,
        ticket: Ticket,
        id: String,
        request: JoinRequest,
        turn: &mut Turn<'_>,
    ) {
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type);
        }
        if let Some(timer) = &mut self.join_timer {
            timer.somebody_came = true;
        }
        self.add(Member {
            instance_id: request.instance_id,
            client_id: request.client_id,
            client_host: request.client_host,
            rebalance_timeout: request.rebalance_timeout,
            session_timeout: request.session_timeout,
            protocols: request.protocols,
            awaiting_join: Some(ticket),
            session_deadline: Some(turn.now + NEW_MEMBER_TIMEOUT),
            ..Member::new(id)
        });
        self.prepare_rebalance(turn);
    }

    /// A known member joins. Where that can change nothing, it is told of the generation as it is: it may only have
    /// lost the answer to its last join.
    fn join_again(
        &mut self,
        ticket: Ticket,
        request: &JoinRequest,
        turn: &mut Turn<'_>,
    ) -> Result<(), ErrorCode> {
        let id = &request.member_id;
        let same = self.members[id].matches(&request.protocols);
        match self.state {
            State::CompletingRebalance if same => {
                let answer = self.join_answer(id);
                turn.joined(Some(ticket), answer);
            }
            // A leader that joins wants a new assignment: it may know of new partitions.
            State::Stable if same && !self.is_leader(id) => {
                let answer = JoinAnswer {
                    members: Vec::new(),
                    ..self.join_answer(id)
                };
                turn.joined(Some(ticket), answer);
            }
            State::PreparingRebalance | State::CompletingRebalance | State::Stable => {
                self.wait_for_others(ticket, id, request, turn);
                self.prepare_rebalance(turn);
            }
            State::Empty | State::Dead => return Err(ErrorCode::UnknownMemberId),
        }
        Ok(())
    }

    fn wait_for_others(
        &mut self,
        ticket: Ticket,
        id: &str,
        request: &JoinRequest,
        turn: &mut Turn<'_>,
    ) {
        if let Some(member) = self.members.get_mut(id) {
            member.protocols.clone_from(&request.protocols);
            member.rebalance_timeout = request.rebalance_timeout;
            member.session_timeout = request.session_timeout;
            let earlier = member.awaiting_join.replace(ticket);
            member.session_deadline = None;
            turn.joined(
                earlier,
                JoinAnswer::refused(id, ErrorCode::RebalanceInProgress),
            );
        }
    }

    /// A static member starts again: it gets a new id, and whoever has its old one is fenced. In a stable group that
    /// is all, if the choice of the protocol stays the same: no rebalance for a process that was only restarted.
    fn take_over(
        &mut self,
        ticket: Ticket,
        instance: &str,
        new_id: String,
        request: &JoinRequest,
        turn: &mut Turn<'_>,
    ) {
        let old_leader = self.leader.clone().unwrap_or_default();
        let Some(old) = self.replace_static(instance, &new_id) else {
            return;
        };
        let fenced = ErrorCode::FencedInstanceId;
        turn.joined(old.awaiting_join, JoinAnswer::refused(&old.id, fenced));
        turn.synced(old.awaiting_sync, SyncAnswer::refused(fenced));
        self.wait_for_others(ticket, &new_id, request, turn);
        let unchanged = self.state == State::Stable && self.select_protocol() == self.protocol;
        if !unchanged {
            return self.prepare_rebalance(turn);
        }
        if let Some(member) = self.members.get_mut(&new_id) {
            member.session_deadline = Some(turn.now + member.session_timeout);
        }
        // Nobody is to assign. Who cannot be told so hears of the leader by its old id.
        let old_leader = Some(old_leader).filter(|_| !request.knows_skip_assignment);
        let records = vec![records::group(self)];
        let purpose = Purpose::StaticMember { old_leader, new_id };
        turn.append(&self.id.clone(), records, purpose);
    }

    pub(super) fn static_member_stored(
        &mut self,
        old_leader: Option<String>,
        new_id: &str,
        result: Result<(), ErrorCode>,
        turn: &mut Turn<'_>,
    ) {
        let answer = match result {
            // It may have to join a rebalance that began meanwhile: then it waits for that.
            Ok(()) if self.state != State::Stable => return,
            Ok(()) => match old_leader {
                Some(leader) => JoinAnswer {
                    leader,
                    members: Vec::new(),
                    ..self.join_answer(new_id)
                },
                None => JoinAnswer {
                    skip_assignment: self.is_leader(new_id),
                    ..self.join_answer(new_id)
                },
            },
            Err(error) => JoinAnswer::refused(new_id, error),
        };
        if let Some(member) = self.members.get_mut(new_id) {
            let ticket = member.awaiting_join.take();
            member.heard_of(turn.now);
            turn.joined(ticket, answer);
        }
    }

    /// Begins to gather members, if that has not begun: everybody has to join again. An assignment that is being made is void,
    /// and whoever waits for it in a sync hears [`ErrorCode::RebalanceInProgress`], and is expected to be heard of again within his
    /// session timeout. Nobody owns anything until the next assignment.
    ///
    /// [`JoinTimer`] says how long the others are waited for: the longest of the members' rebalance timeouts. A group that
    /// was empty waits [`Config::initial_rebalance_delay`](super::Config) instead, if that is not zero and is shorter: its
    /// members start together. What is then left of the longest timeout is the timer's extension.
    pub(super) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>) {
        let _ = turn;
        todo!("kafka/group-join: everybody has to join again, and is waited for.")
    }

    /// Ends the gathering early, when nobody is left to wait for.
    pub(super) fn complete_join_if_all_are_there(&mut self, turn: &mut Turn<'_>) {
        let may_end = self.state == State::PreparingRebalance
            && self
                .join_timer
                .is_some_and(|timer| timer.extension.is_none());
        if may_end && self.all_joined() {
            self.complete_join(turn);
        }
    }

    /// The time for joining is up.
    pub(super) fn expire_join(&mut self, turn: &mut Turn<'_>) {
        let Some(timer) = self.join_timer.filter(|timer| timer.deadline <= turn.now) else {
            return;
        };
        match timer.extension {
            Some(left) if timer.somebody_came && !left.is_zero() => {
                let more = turn.config.initial_rebalance_delay.min(left);
                self.join_timer = Some(JoinTimer {
                    deadline: timer.deadline + more,
                    extension: Some(left - more),
                    somebody_came: false,
                });
            }
            _ => self.complete_join(turn),
        }
    }

    fn complete_join(&mut self, turn: &mut Turn<'_>) {
        self.make_generation(turn);
        if self.members.is_empty() {
            self.become_empty(turn);
        }
    }

    /// The gathering is over: makes a generation of those who joined ([`Member::awaiting_join`]), and answers their joins, with
    /// [`Group::join_answer`]; they own nothing yet, have not synced, and are to be heard of within their session timeouts. The
    /// group is in `CompletingRebalance`, and its members have the rebalance timeout for their syncs.
    ///
    /// Dynamic members who did not join are out; a static one may be restarting, and stays until its session ends. Where only
    /// static members are left, none of whom joined, [`Group::elect_leader`] finds no leader: then there is no generation, and
    /// they are waited for again. Where nobody is left, that is a generation too, and all.
    fn make_generation(&mut self, turn: &mut Turn<'_>) {
        let _ = turn;
        todo!("kafka/group-join: who did not come is out, who came is told of the new generation.")
    }

    fn become_empty(&mut self, turn: &mut Turn<'_>) {
        self.protocol = None;
        self.leader = None;
        self.move_to(State::Empty, turn.now);
        let records = vec![records::group(self)];
        turn.append(&self.id.clone(), records, Purpose::Emptied);
    }

    /// What a member is told of the current generation.
    fn join_answer(&self, member_id: &str) -> JoinAnswer {
        let protocol = self.protocol.clone().unwrap_or_default();
        let joined = |m: &Member| JoinedMember {
            member_id: m.id.clone(),
            instance_id: m.instance_id.clone(),
            metadata: m.metadata(&protocol),
        };
        let members = if self.is_leader(member_id) {
            self.members.values().map(joined).collect()
        } else {
            Vec::new()
        };
        JoinAnswer {
            error: ErrorCode::None,
            generation: self.generation,
            leader: self.leader.clone().unwrap_or_default(),
            member_id: member_id.to_owned(),
            members,
            protocol,
            skip_assignment: false,
        }
    }
}

/// `<client id or instance id>-<random>`, in the form of Kafka's, which end in a UUID.
fn member_id(prefix: &str, turn: &mut Turn<'_>) -> String {
    let (high, low) = (turn.rng.next_u64(), turn.rng.next_u64());
    let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0x0fff | 0x4000);
    let (d, e) = (low >> 48 & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
    let mut ends = (0..=prefix.len().min(ID_PREFIX_BYTES_MAX)).rev();
    let end = ends.find(|end| prefix.is_char_boundary(*end));
    let prefix = &prefix[..end.unwrap_or(0)];
    format!("{prefix}-{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
}
