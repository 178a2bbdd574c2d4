//! A second batch begins while the first is on its way: it may overtake it, and a crash leaves a hole in the log.
//! caught-by: group_commit::edits_gather_while_a_sync_is_under_way

impl GroupCommit {
    pub fn begin_sync(&mut self) -> Option<Batch> {
        let roll = self.roll_requested && self.last >= self.segment;
        if self.pending.is_empty() && !roll {
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
            bytes: std::mem::take(&mut self.pending),
            last: self.last,
            roll,
        })
    }
}
