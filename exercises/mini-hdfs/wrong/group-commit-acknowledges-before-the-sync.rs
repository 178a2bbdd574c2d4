//! Edits count as durable as soon as they are on their way to the disk.
//! caught-by: group_commit::an_edit_is_durable_only_after_its_batch_is

impl GroupCommit {
    pub fn begin_sync(&mut self) -> Option<Batch> {
        let roll = self.roll_requested && self.last >= self.segment;
        if self.syncing.is_some() || (self.pending.is_empty() && !roll) {
            return None;
        }
        self.syncing = Some(self.last);
        self.synced = self.last;
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
            bytes: std::mem::take(&mut self.pending),
            last: self.last,
            roll,
        })
    }
}
