//! Whichever batch is said to be written, the one under way counts as done: an answer that comes twice makes edits durable that are not.
//! caught-by: group_commit::only_the_batch_under_way_can_be_done

impl GroupCommit {
    pub fn end_sync(&mut self, batch: &Batch) {
        self.syncing = None;
        self.synced = self.synced.max(batch.last);
    }
}
