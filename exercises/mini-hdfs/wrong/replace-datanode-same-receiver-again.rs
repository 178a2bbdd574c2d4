//! Keeps the receiver that failed: the copy fails again, until there is no try left.
//! caught-by: replace_datanode::replace_datanode_takes_another_receiver

impl Replacement {
    pub fn on_transfer_failed(&mut self, blame: Blame) {
        self.transfers_failed += 1;
        match (blame, &self.target) {
            (Blame::Source, _) => self.sources_failed += 1,
            (Blame::Target, Some(target)) => {
                self.failed.insert(target.id);
            }
            (Blame::Target, None) => {}
        }
    }
}
