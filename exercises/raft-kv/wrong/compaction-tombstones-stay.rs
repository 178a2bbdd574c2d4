//! Keeps the last version from before, tombstone or not: whatever was ever deleted takes room for ever.
//! caught-by: compaction::a_tombstone_goes_with_what_it_deleted

impl KeyHistory {
    pub fn obsolete(&self, compacted: i64) -> usize {
        let before = (self.versions).partition_point(|version| version.modified.main < compacted);
        let next = self.versions.get(before);
        let replaced = next.is_some_and(|next| next.modified.main == compacted);
        if replaced {
            before
        } else {
            before.saturating_sub(1)
        }
    }
}
