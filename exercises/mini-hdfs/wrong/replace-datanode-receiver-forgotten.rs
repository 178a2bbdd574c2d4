//! Takes another receiver, and does not remember the one that failed: the NameNode may name it again.
//! caught-by: replace_datanode::replace_datanode_takes_another_receiver

impl Replacement {
    pub fn on_transfer_failed(&mut self, blame: Blame) {
        self.transfers_failed += 1;
        match blame {
            Blame::Source => self.sources_failed += 1,
            Blame::Target => self.target = None,
        }
    }
}
