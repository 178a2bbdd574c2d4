//! Takes entries off the ends, one by one.

impl Wal {
    pub fn truncate_after(&mut self, after: Option<u64>) -> Result<u64, WalError> {
        let keeps = |committed: &Position| after.is_some_and(|after| after >= committed.index);
        if let Some(committed) = self.committed.filter(|committed| !keeps(committed)) {
            return Err(WalError::Committed { committed, after });
        }
        let number = self.push(&Record::Truncate(after), &[]);
        while self.entries.back().is_some_and(|entry| after.is_none_or(|after| entry.position.index > after)) {
            self.entries.pop_back();
        }
        Ok(number)
    }

    pub fn purge(&mut self, upto: Position) -> u64 {
        let number = self.push(&Record::Purge(upto), &[]);
        while self.entries.front().is_some_and(|entry| entry.position.index <= upto.index) {
            self.entries.pop_front();
        }
        self.purged = self.purged.max(Some(upto));
        number
    }
}
