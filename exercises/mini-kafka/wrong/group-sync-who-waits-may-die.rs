//! Leaves the session of a waiting member running. It cannot send a heartbeat while it waits for its answer, so a slow leader
//! costs the others their lives.
//! caught-by: group_sync::who_waits_is_alive

impl Group {
    fn sync(&mut self, ticket: Ticket, id: &str, turn: &mut Turn<'_>) -> Result<bool, ErrorCode> {
        let is_leader = self.is_leader(id);
        let Some(member) = self.members.get_mut(id) else {
            return Err(ErrorCode::UnknownMemberId);
        };
        match self.state {
            State::Empty | State::Dead => Err(ErrorCode::UnknownMemberId),
            State::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::CompletingRebalance => {
                member.synced = true;
                let earlier = member.awaiting_sync.replace(ticket);
                turn.synced(earlier, SyncAnswer::refused(ErrorCode::RebalanceInProgress));
                Ok(is_leader)
            }
            State::Stable => {
                member.synced = true;
                member.heard_of(turn.now);
                let answer = SyncAnswer {
                    error: ErrorCode::None,
                    assignment: member.assignment.clone(),
                };
                turn.synced(Some(ticket), answer);
                Ok(false)
            }
        }
    }
}
