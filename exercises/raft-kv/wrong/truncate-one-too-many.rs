//! Drops the entry that is to be the last one.
//! caught-by: truncate::a_tail_is_dropped

impl Wal {
    pub fn truncate_after(&mut self, after: Option<u64>) -> Result<u64, WalError> {
        if let Some(committed) = self.committed
            && after.is_none_or(|after| after < committed.index)
        {
            return Err(WalError::Committed { committed, after });
        }
        let number = self.push(&Record::Truncate(after), &[]);
        let after = after.unwrap_or(0);
        self.entries.retain(|entry| entry.position.index < after);
        Ok(number)
    }
}
