//! Drops whatever it is told to: an acknowledged write is gone from this member.
//! caught-by: truncate::what_is_committed_stays

impl Wal {
    pub fn truncate_after(&mut self, after: Option<u64>) -> Result<u64, WalError> {
        let number = self.push(&Record::Truncate(after), &[]);
        drop_behind(&mut self.entries, after);
        Ok(number)
    }
}
