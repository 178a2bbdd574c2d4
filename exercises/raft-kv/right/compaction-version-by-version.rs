//! Asks of each version whether anybody could see it, or hear of it, from the compaction on; those that nobody can stand at the beginning.

impl KeyHistory {
    pub fn obsolete(&self, compacted: i64) -> usize {
        let obsolete = |(i, version): &(usize, &Version)| {
            let next = self.versions.get(i + 1).map(|next| next.modified.main);
            let is_seen = version.value.is_some() && next.is_none_or(|next| next > compacted);
            version.modified.main < compacted && !is_seen
        };
        (self.versions.iter().enumerate())
            .take_while(obsolete)
            .count()
    }
}

impl Mvcc {
    pub fn compact(&mut self, revision: i64) -> Result<(), StoreError> {
        match revision {
            late if late > self.revision => Err(StoreError::FutureRevision),
            new if new > self.compacted => {
                self.compacted = new;
                Ok(())
            }
            _ => Err(StoreError::Compacted),
        }
    }
}
