//! The second half of a rebalance, the assignment, and what keeps a member in its group: heartbeats, and leaving.

use node::Time;

use super::join::JoinAnswer;
use super::records;
use super::state::{Group, State};
use super::{Action, Coordinator, Purpose, Ticket, Turn};
use crate::error::ErrorCode;

/// Which member, of which group and generation, says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRef {
    /// `group.id`.
    pub group_id: String,
    /// The generation that it thinks is the current one; -1 for a client that is in no generation.
    pub generation: i32,
    /// Its id.
    pub member_id: String,
    /// Its `group.instance.id`, if it is static.
    pub instance_id: Option<String>,
}

/// A SyncGroup request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncRequest {
    /// Who asks.
    pub member: MemberRef,
    /// From member id to assignment: the leader's decision; empty from everyone else.
    pub assignments: Vec<(String, Vec<u8>)>,
    /// `consumer`, `connect`, …, if the client says so (KIP-559, since version 5).
    pub protocol_type: Option<String>,
    /// The protocol that the member was told, if the client says so.
    pub protocol: Option<String>,
}

/// The answer to a sync.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncAnswer {
    /// Whether there is an assignment.
    pub error: ErrorCode,
    /// The member's own.
    pub assignment: Vec<u8>,
}

impl SyncAnswer {
    /// An answer that refuses.
    pub fn refused(error: ErrorCode) -> SyncAnswer {
        SyncAnswer {
            error,
            assignment: Vec::new(),
        }
    }
}

/// A member that leaves, by itself or at an administrator's wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeavingMember {
    /// Its id; empty where an administrator knows only the instance.
    pub member_id: String,
    /// Its `group.instance.id`.
    pub instance_id: Option<String>,
}

impl Coordinator {
    /// A member asks for its assignment; the leader brings everyone's. Answered with [`Action::Synced`].
    pub fn sync(&mut self, ticket: Ticket, request: &SyncRequest, now: Time) -> Vec<Action> {
        let member = request.member.clone();
        let refusal = match self.turn(&member.group_id, false, now) {
            _ if member.group_id.is_empty() => Err(ErrorCode::InvalidGroupId),
            None => Err(ErrorCode::UnknownMemberId),
            Some((group, mut turn)) => group
                .check_generation(&member)
                .and_then(|()| group.check_protocol(request))
                .and_then(|()| group.sync(ticket, &member.member_id, &mut turn))
                .map(|decides| {
                    if decides {
                        group.store_assignment(&request.assignments, &mut turn);
                    }
                }),
        };
        if let Err(error) = refusal {
            let answer = SyncAnswer::refused(error);
            self.actions.push(Action::Synced(ticket, answer));
        }
        self.take_actions()
    }

    /// A member is alive: its session starts over (`Group::heard_of`).
    ///
    /// # Errors
    /// [`ErrorCode::InvalidGroupId`] of an empty one; [`ErrorCode::UnknownMemberId`] where there is no such group, or nobody is in it;
    /// those of `Group::check_generation`; [`ErrorCode::RebalanceInProgress`] when it has to join again, though it is alive.
    pub fn heartbeat(&mut self, member: &MemberRef, now: Time) -> Result<(), ErrorCode> {
        let _ = (member, now);
        todo!("kafka/group-sync: who is alive is heard of, and hears whether he has to join again.")
    }

    /// Members leave: the others share their partitions without waiting for their sessions to end. A code for each, and
    /// what follows.
    pub fn leave(
        &mut self,
        group_id: &str,
        members: &[LeavingMember],
        now: Time,
    ) -> (Vec<ErrorCode>, Vec<Action>) {
        let everyone = |error| (members.iter().map(|_| error).collect(), Vec::new());
        if group_id.is_empty() {
            return everyone(ErrorCode::InvalidGroupId);
        }
        let Some((group, mut turn)) = self.turn(group_id, false, now) else {
            return everyone(ErrorCode::UnknownMemberId);
        };
        let leave = |member| match group.leave(member, &mut turn) {
            Ok(()) => ErrorCode::None,
            Err(error) => error,
        };
        let codes = members.iter().map(leave).collect();
        (codes, self.take_actions())
    }
}

impl Group {
    /// Checks that such a member exists, and that a static one's name is still its own.
    pub(super) fn check_member(
        &self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance_id {
            match self.static_members.get(instance) {
                Some(current) if current != member_id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
                None => return Err(ErrorCode::UnknownMemberId),
            }
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UnknownMemberId)
        }
    }

    /// The same, and that it is of the current generation.
    pub(super) fn check_generation(&self, member: &MemberRef) -> Result<(), ErrorCode> {
        if self.state == State::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        self.check_member(&member.member_id, member.instance_id.as_deref())?;
        if member.generation == self.generation {
            Ok(())
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }

    /// Checks what a client says of the group's protocol.
    fn check_protocol(&self, request: &SyncRequest) -> Result<(), ErrorCode> {
        let differs = |said: &Option<String>, is: &Option<String>| said.is_some() && said != is;
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol, &self.protocol)
        {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        Ok(())
    }

    /// A member of this generation asks for its assignment. In a stable group it has one, and is answered. While the
    /// assignment is awaited it waits ([`Member::awaiting_sync`]), and is not dead meanwhile, however long that takes; if it asked before, that
    /// earlier question is answered with [`ErrorCode::RebalanceInProgress`]. True if what it brings is the assignment, for it is the leader.
    ///
    /// # Errors
    /// [`ErrorCode::RebalanceInProgress`] while the next generation is gathered; [`ErrorCode::UnknownMemberId`] where nobody is in the group.
    fn sync(&mut self, ticket: Ticket, id: &str, turn: &mut Turn<'_>) -> Result<bool, ErrorCode> {
        let _ = (ticket, id, turn);
        todo!("kafka/group-sync: who asks is answered, waits, or has to join again.")
    }

    /// Puts the leader's assignment on its way to the log. A member that it forgot has nothing assigned.
    fn store_assignment(&mut self, assignments: &[(String, Vec<u8>)], turn: &mut Turn<'_>) {
        for member in self.members.values_mut() {
            let own = assignments.iter().find(|(id, _)| *id == member.id);
            member.assignment = own.map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        }
        let records = vec![records::group(self)];
        let purpose = Purpose::Assignment {
            generation: self.generation,
        };
        turn.append(&self.id.clone(), records, purpose);
    }

    /// The assignment of a generation, which stands in [`Member::assignment`] already, is in the log, or could not be put there. In
    /// the first case everyone who waits is told his own, and the group is stable; in the second everyone who waits is told the
    /// error, and all have to join again. Whoever is answered has his session timeout to be heard of. Another rebalance may have begun
    /// since; then nothing is to be done.
    pub(super) fn assignment_stored(
        &mut self,
        generation: i32,
        result: Result<(), ErrorCode>,
        turn: &mut Turn<'_>,
    ) {
        let _ = (generation, result, turn);
        todo!("kafka/group-sync: everyone who waits is told, and the group is stable.")
    }

    pub(super) fn heard_of(&mut self, member_id: &str, now: Time) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.heard_of(now);
        }
    }

    fn leave(&mut self, leaving: &LeavingMember, turn: &mut Turn<'_>) -> Result<(), ErrorCode> {
        if self.state == State::Dead {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let by_name = leaving.instance_id.as_ref();
        let by_name = by_name.filter(|_| leaving.member_id.is_empty());
        let id = match by_name.and_then(|instance| self.static_members.get(instance)) {
            Some(id) => id.clone(),
            None => leaving.member_id.clone(),
        };
        if self.pending.remove(&id).is_some() {
            self.complete_join_if_all_are_there(turn);
            return Ok(());
        }
        self.check_member(&id, leaving.instance_id.as_deref())?;
        self.lose(&id, turn);
        Ok(())
    }

    /// A member is gone: the others rebalance.
    pub(super) fn lose(&mut self, member_id: &str, turn: &mut Turn<'_>) {
        let Some(member) = self.remove(member_id) else {
            return;
        };
        let error = ErrorCode::UnknownMemberId;
        turn.joined(member.awaiting_join, JoinAnswer::refused("", error));
        turn.synced(member.awaiting_sync, SyncAnswer::refused(error));
        match self.state {
            State::CompletingRebalance | State::Stable => self.prepare_rebalance(turn),
            State::PreparingRebalance | State::Empty | State::Dead => {}
        }
        self.complete_join_if_all_are_there(turn);
    }

    /// Members not heard of in time, and ids that were given out and never used.
    pub(super) fn expire_members(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let before = self.pending.len();
        self.pending.retain(|_, until| *until > now);
        if self.pending.len() < before {
            self.complete_join_if_all_are_there(turn);
        }
        let due = |deadline: Option<Time>| deadline.is_some_and(|deadline| deadline <= now);
        let members = self.members.values();
        let late = members.filter(|m| due(m.session_deadline));
        let late: Vec<String> = late.map(|m| m.id.clone()).collect();
        for id in late {
            // The loss of one may have ended the rebalance that another was late for.
            if self
                .members
                .get(&id)
                .is_some_and(|m| due(m.session_deadline))
            {
                self.lose(&id, turn);
            }
        }
    }

    /// Members that joined and never asked for their assignment hold the others up: they are out.
    pub(super) fn expire_sync(&mut self, turn: &mut Turn<'_>) {
        if self
            .sync_deadline
            .is_none_or(|deadline| deadline > turn.now)
        {
            return;
        }
        self.sync_deadline = None;
        let absent = self.members.values().filter(|m| !m.synced);
        let absent: Vec<String> = absent.map(|m| m.id.clone()).collect();
        for id in absent {
            self.lose(&id, turn);
        }
    }
}
