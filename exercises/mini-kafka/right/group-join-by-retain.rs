//! Counts votes protocol by protocol; lets the absent go in one walk, and notes who is to be told before it tells anybody.

impl Group {
    pub fn select_protocol(&self) -> Option<String> {
        let first = self.members.values().next()?;
        let common: Vec<&str> = first
            .protocols
            .iter()
            .map(|p| p.name.as_str())
            .filter(|name| self.members.values().all(|m| knows(m, name)))
            .collect();
        let votes = |name: &str| {
            self.members
                .values()
                .filter(|m| {
                    let liked = m.protocols.iter().find(|p| common.contains(&p.name.as_str()));
                    liked.is_some_and(|p| p.name == name)
                })
                .count()
        };
        let mut best: Option<(&str, usize)> = None;
        for name in &common {
            let count = votes(name);
            if best.is_none_or(|(_, most)| count > most) {
                best = Some((name, count));
            }
        }
        best.map(|(name, _)| name.to_owned())
    }

    pub(super) fn prepare_rebalance(&mut self, turn: &mut Turn<'_>) {
        if self.state != State::PreparingRebalance {
            let timeout = self.rebalance_timeout();
            let delay = turn.config.initial_rebalance_delay;
            let (wait, extension) = if self.state != State::Empty || delay.is_zero() {
                (timeout, None)
            } else if delay < timeout {
                (delay, Some(timeout - delay))
            } else {
                (timeout, Some(Duration::ZERO))
            };
            self.move_to(State::PreparingRebalance, turn.now);
            self.join_timer = Some(JoinTimer {
                deadline: turn.now + wait,
                extension,
                somebody_came: false,
            });
            self.sync_deadline = None;
            let ids: Vec<String> = self.members.keys().cloned().collect();
            for id in &ids {
                if let Some(member) = self.members.get_mut(id) {
                    member.assignment = Vec::new();
                    let waiting = member.awaiting_sync.take();
                    if waiting.is_some() {
                        member.heard_of(turn.now);
                    }
                    turn.synced(waiting, SyncAnswer::refused(ErrorCode::RebalanceInProgress));
                }
            }
        }
    }

    fn make_generation(&mut self, turn: &mut Turn<'_>) {
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in &ids {
            let member = &self.members[id];
            if member.instance_id.is_none() && member.awaiting_join.is_none() {
                self.remove(id);
            }
        }
        let (somebody, has_leader) = (!self.members.is_empty(), self.elect_leader());
        if somebody && !has_leader {
            self.join_timer = Some(JoinTimer {
                deadline: turn.now + self.rebalance_timeout(),
                extension: None,
                somebody_came: false,
            });
            return;
        }
        self.generation += 1;
        self.join_timer = None;
        if somebody {
            self.protocol = self.select_protocol();
            self.sync_deadline = Some(turn.now + self.rebalance_timeout());
            self.move_to(State::CompletingRebalance, turn.now);
            let ids: Vec<String> = self.members.keys().rev().cloned().collect();
            let answers: Vec<_> = ids.iter().map(|id| self.join_answer(id)).collect();
            for (id, answer) in ids.iter().zip(answers) {
                let Some(member) = self.members.get_mut(id) else { continue };
                let waiting = member.awaiting_join.take();
                member.synced = false;
                member.heard_of(turn.now);
                turn.joined(waiting, answer);
            }
        }
    }
}
