//! Does not look which generation's assignment it is that is in the log now: members of the next one are told that they own
//! nothing, before their leader has said anything.
//! caught-by: group_sync::an_assignment_of_an_earlier_generation_is_void

impl Group {
    pub(super) fn assignment_stored(
        &mut self,
        generation: i32,
        result: Result<(), ErrorCode>,
        turn: &mut Turn<'_>,
    ) {
        let _ = generation;
        if self.state != State::CompletingRebalance {
            return;
        }
        for member in self.members.values_mut() {
            let ticket = member.awaiting_sync.take();
            let answer = match result {
                Ok(()) => SyncAnswer {
                    error: ErrorCode::None,
                    assignment: member.assignment.clone(),
                },
                Err(error) => SyncAnswer::refused(error),
            };
            if ticket.is_some() {
                member.heard_of(turn.now);
            }
            turn.synced(ticket, answer);
        }
        if result.is_ok() {
            self.move_to(State::Stable, turn.now);
        } else {
            self.prepare_rebalance(turn);
        }
    }
}
