//! First what is to be refused, then the names, then the batch.

impl GroupCommit {
    pub fn append(&mut self, op: &EditOp) -> TxId {
        let txid = TxId(self.last.0 + 1);
        let mut frame = Vec::new();
        edit_log::encode(txid, op, &mut frame);
        self.pending.append(&mut frame);
        self.last = txid;
        txid
    }

    pub fn begin_sync(&mut self) -> Option<Batch> {
        if self.syncing.is_some() {
            return None;
        }
        let mut batch = Batch {
            file: in_current(&in_progress_name(self.segment)),
            bytes: std::mem::take(&mut self.pending),
            last: self.last,
            roll: None,
        };
        let next = TxId(self.last.0 + 1);
        // With the next one as its first, the segment would be empty.
        if self.roll_requested && self.segment != next {
            batch.roll = Some(Roll {
                finalized: in_current(&finalized_name(self.segment, self.last)),
                next: in_current(&in_progress_name(next)),
            });
            (self.segment, self.roll_requested) = (next, false);
        }
        if batch.bytes.is_empty() && batch.roll.is_none() {
            return None;
        }
        self.syncing = Some(batch.last);
        Some(batch)
    }

    pub fn end_sync(&mut self, batch: &Batch) {
        match self.syncing {
            Some(last) if last == batch.last => self.syncing = None,
            other => panic!(
                "up to {} is written, but {other:?} is on its way",
                batch.last
            ),
        }
        self.synced = self.synced.max(batch.last);
    }
}
