//! The policy as a table, the steps as questions one after the other, and the copy judged with a match.

pub fn is_wanted(policy: Policy, shortage: &Shortage) -> bool {
    let (r, n) = (shortage.replication, shortage.left);
    let possible = (1..r).contains(&n) && !shortage.closing;
    let worth_it = match (policy, r) {
        (Policy::Always, _) => true,
        (Policy::Never, _) | (Policy::Default, 0..=2) => false,
        (Policy::Default, _) => shortage.hflushed || 2 * n <= r,
    };
    possible && worth_it
}

impl Replacement {
    pub fn step(&self) -> Step {
        if self.transferred && self.target.is_some() {
            let mut nodes = self.left.clone();
            nodes.extend(self.target.clone());
            return Step::GoOn(nodes);
        }
        if self.none_left || self.transfers_failed >= TRANSFERS_MAX {
            return match self.best_effort {
                true => Step::GoOn(self.left.clone()),
                false => Step::GiveUp,
            };
        }
        let Some(target) = self.target.clone() else {
            let exclude = self.failed.iter().copied().collect();
            return Step::Ask { exclude };
        };
        let mut senders = self.left.iter().cycle().skip(self.sources_failed);
        match senders.next() {
            Some(source) => Step::Transfer {
                source: source.clone(),
                target,
            },
            None => Step::GiveUp,
        }
    }

    pub fn on_transfer_failed(&mut self, blame: Blame) {
        self.transfers_failed += 1;
        if blame == Blame::Source {
            self.sources_failed += 1;
        } else if let Some(target) = self.target.take() {
            self.failed.insert(target.id);
        }
    }
}

pub fn sendable(replica: &Replica, asked: Block) -> Result<Block, ReplicaError> {
    let there = replica.block;
    match replica.state {
        ReplicaState::Rbw | ReplicaState::Finalized => {}
        state => return Err(ReplicaError::NotReadable(there, state)),
    }
    match there {
        Block { generation, .. } if generation < asked.generation => {
            Err(ReplicaError::OtherGeneration { asked, there })
        }
        Block { len, .. } if len < asked.len => Err(ReplicaError::TooShort {
            there,
            acked_len: asked.len,
        }),
        block => Ok(block),
    }
}
