//! Takes best effort for no effort, and asks nobody.
//! caught-by: replace_datanode::replace_datanode_goes_on_without_if_it_may

impl Replacement {
    pub fn step(&self) -> Step {
        match &self.target {
            Some(target) if self.transferred => {
                Step::GoOn(self.left.iter().chain([target]).cloned().collect())
            }
            _ if self.best_effort || self.none_left || self.transfers_failed >= TRANSFERS_MAX => {
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
