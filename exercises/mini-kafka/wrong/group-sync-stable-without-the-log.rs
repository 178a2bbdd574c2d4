//! Makes the group stable even where the assignment could not be stored: late members are told shares that a restart forgets.
//! caught-by: group_sync::what_could_not_be_stored_is_nobodys

impl Group {
    pub(super) fn assignment_stored(
        &mut self,
        generation: i32,
        result: Result<(), ErrorCode>,
        turn: &mut Turn<'_>,
    ) {
        if self.state != State::CompletingRebalance || self.generation != generation {
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
        self.move_to(State::Stable, turn.now);
    }
}
