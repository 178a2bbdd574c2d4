//! Puts the second question of a member in the place of the first, and never answers that: a connection of its client waits
//! for ever.
//! caught-by: group_sync::who_asks_again_waits_once

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
                member.awaiting_sync = Some(ticket);
                member.session_deadline = None;
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
