//! Takes the assignment of whoever comes first: that is mostly one who brings none, so that nobody gets anything.
//! caught-by: group_sync::who_asks_early_waits_for_the_leader

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
                member.session_deadline = None;
                turn.synced(earlier, SyncAnswer::refused(ErrorCode::RebalanceInProgress));
                let _ = is_leader;
                Ok(true)
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
