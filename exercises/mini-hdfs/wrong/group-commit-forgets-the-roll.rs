//! The request for a roll is forgotten when it comes while a batch is on its way: no checkpoint is made, and the log grows for ever.
//! caught-by: group_commit::a_roll_asked_for_during_a_sync_waits_for_the_next_batch

impl GroupCommit {
    pub fn begin_sync(&mut self) -> Option<Batch> {
        let roll = std::mem::take(&mut self.roll_requested) && self.last >= self.segment;
        if self.syncing.is_some() || (self.pending.is_empty() && !roll) {
            return None;
        }
        self.syncing = Some(self.last);
        let file = in_current(&in_progress_name(self.segment));
        let roll = roll.then(|| {
            let next = TxId(self.last.0 + 1);
            let finalized = finalized_name(self.segment, self.last);
            self.segment = next;
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
