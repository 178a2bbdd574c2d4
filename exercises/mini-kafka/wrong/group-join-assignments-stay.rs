//! Leaves the old assignments where they are: a member that is thrown out of the next generation still seems to own something,
//! and a sync that comes too early could be told it.
//! caught-by: group_join::a_new_member_makes_all_join_again

impl Group {
    pub(super) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::PreparingRebalance {
            return;
        }
        for member in self.members.values_mut() {
            if let Some(ticket) = member.awaiting_sync.take() {
                member.heard_of(turn.now);
                let answer = SyncAnswer::refused(ErrorCode::RebalanceInProgress);
                turn.synced(Some(ticket), answer);
            }
        }
        self.sync_deadline = None;
        let timeout = self.rebalance_timeout();
        let delay = turn.config.initial_rebalance_delay.min(timeout);
        let first = self.state == State::Empty && !delay.is_zero();
        self.join_timer = Some(JoinTimer {
            deadline: turn.now + if first { delay } else { timeout },
            extension: first.then(|| timeout.saturating_sub(delay)),
            somebody_came: false,
        });
        self.move_to(State::PreparingRebalance, turn.now);
    }
}
