//! Keeps a leader who may not have come: with only static members left, there is a generation of which nobody knows, and nobody
//! assigns.
//! caught-by: group_join::where_only_static_members_are_left_they_are_waited_for

impl Group {
    fn make_generation(&mut self, turn: &mut Turn<'_>) {
        let absent = |m: &&Member| m.awaiting_join.is_none() && m.instance_id.is_none();
        let absent: Vec<String> = self.members.values().filter(absent).map(|m| m.id.clone()).collect();
        for id in absent {
            self.remove(&id);
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
