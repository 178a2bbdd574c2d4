//! Tells a member its share as soon as the leader has decided. A coordinator that dies before that is in the log knows nothing
//! of it afterwards, and another leader gives the same partition to somebody else.
//! caught-by: group_sync::nobody_is_told_before_it_is_in_the_log

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
                if !member.assignment.is_empty() {
                    let assignment = member.assignment.clone();
                    let answer = SyncAnswer { error: ErrorCode::None, assignment };
                    turn.synced(Some(ticket), answer);
                    return Ok(false);
                }
                member.synced = true;
                let earlier = member.awaiting_sync.replace(ticket);
                member.session_deadline = None;
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
