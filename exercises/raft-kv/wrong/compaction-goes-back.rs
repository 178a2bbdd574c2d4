//! Lets a compaction go back: revisions that are gone can be asked for again, and what comes is not what was there.
//! caught-by: compaction::the_past_and_the_future_cannot_be_compacted

impl Mvcc {
    pub fn compact(&mut self, revision: i64) -> Result<(), StoreError> {
        if revision > self.revision {
            return Err(StoreError::FutureRevision);
        }
        self.compacted = revision;
        Ok(())
    }
}
