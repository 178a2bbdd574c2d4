//! Puts the new node in front: the writer is connected to a machine far away instead of its own.
//! caught-by: replace_datanode::replace_datanode_asks_then_copies_then_goes_on

impl Replacement {
    pub fn step(&self) -> Step {
        match &self.target {
            Some(target) if self.transferred => {
                Step::GoOn([target].into_iter().chain(&self.left).cloned().collect())
            }
            _ if self.none_left || self.transfers_failed >= TRANSFERS_MAX => {
                if self.best_effort {
                    Step::GoOn(self.left.clone())
                } else {
                    Step::GiveUp
                }
            }
            Some(target) => Step::Transfer {
                source: self.left[self.sources_failed % self.left.len()].clone(),
                target: target.clone(),
            },
            None => Step::Ask {
                exclude: self.failed.iter().copied().collect(),
            },
        }
    }
}
