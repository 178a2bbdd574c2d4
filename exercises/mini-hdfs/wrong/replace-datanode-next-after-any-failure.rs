//! Takes another sender after any failure, as HDFS does. Then a receiver that is full costs a good sender its turn.
//! caught-by: replace_datanode::replace_datanode_takes_another_receiver

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
                source: self.left[self.transfers_failed % self.left.len()].clone(),
                target: target.clone(),
            },
            None => Step::Ask {
                exclude: self.failed.iter().copied().collect(),
            },
        }
    }
}
