//! Drops entries in memory alone: after a restart they are there again, and another leader's do not fit behind them.
//! caught-by: truncate::what_was_dropped_stays_dropped

impl Wal {
    pub fn truncate_after(&mut self, after: Option<u64>) -> Result<u64, WalError> {
        if let Some(committed) = self.committed
            && after.is_none_or(|after| after < committed.index)
        {
            return Err(WalError::Committed { committed, after });
        }
        drop_behind(&mut self.entries, after);
        Ok(self.last_record + 1)
    }
}
