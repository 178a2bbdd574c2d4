//! Asks for the state before the member, and takes out who waits before it answers anybody.

impl Coordinator {
    pub fn heartbeat(&mut self, member: &MemberRef, now: Time) -> Result<(), ErrorCode> {
        if member.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let Some(group) = self.groups.get_mut(&member.group_id) else {
            return Err(ErrorCode::UnknownMemberId);
        };
        group.check_generation(member)?;
        let answer = match group.state {
            State::Empty | State::Dead => return Err(ErrorCode::UnknownMemberId),
            State::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::CompletingRebalance | State::Stable => Ok(()),
        };
        let known = group.members.values_mut();
        known.filter(|m| m.id == member.member_id).for_each(|m| m.heard_of(now));
        answer
    }
}

impl Group {
    fn sync(&mut self, ticket: Ticket, id: &str, turn: &mut Turn<'_>) -> Result<bool, ErrorCode> {
        if matches!(self.state, State::Empty | State::Dead) {
            return Err(ErrorCode::UnknownMemberId);
        }
        if self.state == State::PreparingRebalance {
            return Err(ErrorCode::RebalanceInProgress);
        }
        let leads = self.is_leader(id);
        let member = self.members.get_mut(id).ok_or(ErrorCode::UnknownMemberId)?;
        member.synced = true;
        if self.state == State::Stable {
            let assignment = member.assignment.clone();
            member.heard_of(turn.now);
            turn.synced(Some(ticket), SyncAnswer { error: ErrorCode::None, assignment });
            return Ok(false);
        }
        if let Some(earlier) = member.awaiting_sync.take() {
            turn.synced(Some(earlier), SyncAnswer::refused(ErrorCode::RebalanceInProgress));
        }
        member.awaiting_sync = Some(ticket);
        // Whoever waits has no deadline.
        member.heard_of(turn.now);
        Ok(leads)
    }

    pub(super) fn assignment_stored(
        &mut self,
        generation: i32,
        result: Result<(), ErrorCode>,
        turn: &mut Turn<'_>,
    ) {
        let still_awaited = self.state == State::CompletingRebalance && self.generation == generation;
        if !still_awaited {
            return;
        }
        let mut answers = Vec::new();
        for member in self.members.values_mut().rev() {
            let Some(ticket) = member.awaiting_sync.take() else { continue };
            member.heard_of(turn.now);
            let assignment = member.assignment.clone();
            answers.push((ticket, assignment));
        }
        match result {
            Ok(()) => self.move_to(State::Stable, turn.now),
            Err(_) => self.prepare_rebalance(turn),
        }
        for (ticket, assignment) in answers {
            let answer = match result {
                Ok(()) => SyncAnswer { error: ErrorCode::None, assignment },
                Err(error) => SyncAnswer::refused(error),
            };
            turn.synced(Some(ticket), answer);
        }
    }
}
