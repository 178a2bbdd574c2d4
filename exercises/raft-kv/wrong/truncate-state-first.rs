//! Changes the log in memory first: where the record begins a segment, the segment says that it was so before, and the member does not start again.
//! caught-by: truncate::what_was_dropped_stays_dropped

impl Wal {
    pub fn truncate_after(&mut self, after: Option<u64>) -> Result<u64, WalError> {
        if let Some(committed) = self.committed
            && after.is_none_or(|after| after < committed.index)
        {
            return Err(WalError::Committed { committed, after });
        }
        drop_behind(&mut self.entries, after);
        Ok(self.push(&Record::Truncate(after), &[]))
    }
}
