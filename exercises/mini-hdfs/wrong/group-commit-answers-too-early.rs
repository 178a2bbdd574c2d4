//! When a batch is written, all that was added meanwhile counts as durable too: callers are answered whose edits a crash takes back.
//! caught-by: group_commit::edits_gather_while_a_sync_is_under_way

impl GroupCommit {
    pub fn end_sync(&mut self, batch: &Batch) {
        assert_eq!(
            self.syncing.take(),
            Some(batch.last),
            "end_sync of a batch that is not under way"
        );
        self.synced = self.last;
    }
}
