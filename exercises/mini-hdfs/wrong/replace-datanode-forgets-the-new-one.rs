//! Copies the block to the new node and then sets up the pipeline without it.
//! caught-by: replace_datanode::replace_datanode_asks_then_copies_then_goes_on

impl Replacement {
    pub fn step(&self) -> Step {
        match &self.target {
            Some(_) if self.transferred => Step::GoOn(self.left.clone()),
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
