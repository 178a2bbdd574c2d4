//! Has the first node send whatever happens: if that is the next to fail, no copy ever arrives, though others could send it.
//! caught-by: replace_datanode::replace_datanode_takes_another_sender

impl Replacement {
    pub fn step(&self) -> Step {
        match &self.target {
            Some(target) if self.transferred => {
                Step::GoOn(self.left.iter().chain([target]).cloned().collect())
            }
            _ if self.none_left || self.transfers_failed >= TRANSFERS_MAX => {
                if self.best_effort {
                    Step::GoOn(self.left.clone())
                } else {
                    Step::GiveUp
                }
            }
            Some(target) => Step::Transfer {
                source: self.left[0].clone(),
                target: target.clone(),
            },
            None => Step::Ask {
                exclude: self.failed.iter().copied().collect(),
            },
        }
    }
}
