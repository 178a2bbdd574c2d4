//! Throws out everyone who did not come, static members too: a process that is being restarted loses its name, and comes back
//! to a group that rebalances once more.
//! caught-by: group_join::a_static_member_may_be_restarting

impl Group {
    fn make_generation(&mut self, turn: &mut Turn<'_>) {
        let absent = |m: &&Member| m.awaiting_join.is_none();
        let absent: Vec<String> = self.members.values().filter(absent).map(|m| m.id.clone()).collect();
        for id in absent {
            self.remove(&id);
        }
        if !self.members.is_empty() && !self.elect_leader() {
            let deadline = turn.now + self.rebalance_timeout();
            self.join_timer = Some(JoinTimer { deadline, extension: None, somebody_came: false });
            return;
        }
        self.join_timer = None;
        self.generation += 1;
        if self.members.is_empty() {
            return;
        }
        self.protocol = self.select_protocol();
        self.move_to(State::CompletingRebalance, turn.now);
        self.sync_deadline = Some(turn.now + self.rebalance_timeout());
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let answer = self.join_answer(&id);
            if let Some(member) = self.members.get_mut(&id) {
                member.synced = false;
                let ticket = member.awaiting_join.take();
                member.heard_of(turn.now);
                turn.joined(ticket, answer);
            }
        }
    }
}
