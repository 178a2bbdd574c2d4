//! Goes on without, whatever the settings say: the user asked for an error rather than for fewer replicas.
//! caught-by: replace_datanode::replace_datanode_does_not_try_for_ever

impl Replacement {
    pub fn step(&self) -> Step {
        match &self.target {
            Some(target) if self.transferred => {
                Step::GoOn(self.left.iter().chain([target]).cloned().collect())
            }
            _ if self.none_left || self.transfers_failed >= TRANSFERS_MAX => {
                Step::GoOn(self.left.clone())
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
