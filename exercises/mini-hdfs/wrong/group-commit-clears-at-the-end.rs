//! What waits is forgotten when the batch is written, not when it is taken: edits that were added meanwhile are never written.
//! caught-by: group_commit::edits_gather_while_a_sync_is_under_way

impl GroupCommit {
    pub fn begin_sync(&mut self) -> Option<Batch> {
        let roll = self.roll_requested && self.last >= self.segment;
        if self.syncing.is_some() || (self.pending.is_empty() && !roll) {
            return None;
        }
        self.syncing = Some(self.last);
        let file = in_current(&in_progress_name(self.segment));
        let roll = roll.then(|| {
            let next = TxId(self.last.0 + 1);
            let finalized = finalized_name(self.segment, self.last);
            self.segment = next;
            self.roll_requested = false;
            Roll {
                finalized: in_current(&finalized),
                next: in_current(&in_progress_name(next)),
            }
        });
        Some(Batch {
            file,
            bytes: self.pending.clone(),
            last: self.last,
            roll,
        })
    }
}

impl GroupCommit {
    pub fn end_sync(&mut self, batch: &Batch) {
        assert_eq!(
            self.syncing.take(),
            Some(batch.last),
            "end_sync of a batch that is not under way"
        );
        self.synced = batch.last;
        self.pending.clear();
    }
}
