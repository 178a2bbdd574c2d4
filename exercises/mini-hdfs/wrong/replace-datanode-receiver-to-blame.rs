//! Blames the receiver whoever it was, as HDFS does: in a cluster with one node to spare, a sender that dies means that
//! there is none.
//! caught-by: replace_datanode::replace_datanode_takes_another_sender

impl Replacement {
    pub fn on_transfer_failed(&mut self, blame: Blame) {
        self.transfers_failed += 1;
        if blame == Blame::Source {
            self.sources_failed += 1;
        }
        self.failed.extend(self.target.take().map(|node| node.id));
    }
}
