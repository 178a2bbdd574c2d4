//! Counts copies that a receiver spoiled, and no others: where no sender can be heard, the writer goes round for ever.
//! caught-by: replace_datanode::replace_datanode_does_not_try_for_ever

impl Replacement {
    pub fn on_transfer_failed(&mut self, blame: Blame) {
        match blame {
            Blame::Source => self.sources_failed += 1,
            Blame::Target => {
                self.transfers_failed += 1;
                self.failed.extend(self.target.take().map(|node| node.id));
            }
        }
    }
}
