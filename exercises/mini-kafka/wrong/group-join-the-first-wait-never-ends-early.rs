//! Puts every rebalance off as if it were a group's first: each member that comes holds the others up for another three
//! seconds, though all are there.
//! caught-by: group_join::a_new_member_makes_all_join_again

impl Group {
    pub(super) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>) {
        if self.state == State::PreparingRebalance {
            return;
        }
        for member in self.members.values_mut() {
            member.assignment.clear();
            if let Some(ticket) = member.awaiting_sync.take() {
                member.heard_of(turn.now);
                let answer = SyncAnswer::refused(ErrorCode::RebalanceInProgress);
                turn.synced(Some(ticket), answer);
            }
        }
        self.sync_deadline = None;
        let timeout = self.rebalance_timeout();
        let delay = turn.config.initial_rebalance_delay.min(timeout);
        let first = !delay.is_zero();
        self.join_timer = Some(JoinTimer {
            deadline: turn.now + if first { delay } else { timeout },
            extension: first.then(|| timeout.saturating_sub(delay)),
            somebody_came: false,
        });
        self.move_to(State::PreparingRebalance, turn.now);
    }
}
