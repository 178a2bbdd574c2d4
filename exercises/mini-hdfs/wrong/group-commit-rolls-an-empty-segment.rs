//! A segment without edits is ended as well: it would be named after transactions that are not there.
//! caught-by: group_commit::a_roll_needs_no_edit_that_waits_but_one_in_the_segment

impl GroupCommit {
    pub fn begin_sync(&mut self) -> Option<Batch> {
        let roll = self.roll_requested;
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
            bytes: std::mem::take(&mut self.pending),
            last: self.last,
            roll,
        })
    }
}
