//! The segment ends before the batch, not after it: its last edits go to a file whose name says that it begins behind them.
//! caught-by: group_commit::a_roll_ends_the_segment_with_the_batch

impl GroupCommit {
    pub fn begin_sync(&mut self) -> Option<Batch> {
        let roll = self.roll_requested && self.last >= self.segment;
        if self.syncing.is_some() || (self.pending.is_empty() && !roll) {
            return None;
        }
        self.syncing = Some(self.last);
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
            file: in_current(&in_progress_name(self.segment)),
            bytes: std::mem::take(&mut self.pending),
            last: self.last,
            roll,
        })
    }
}
