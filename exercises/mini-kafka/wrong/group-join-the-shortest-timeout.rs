//! Waits for the shortest of the members' timeouts: who said that his work takes two minutes is thrown out after one.
//! caught-by: group_join::the_longest_timeout_counts

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
        let timeout = self.members.values().map(|m| m.rebalance_timeout).min().unwrap_or_default();
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
