//! Counts what changed at the compaction itself among the old: who watches from there on misses a deletion.
//! caught-by: compaction::a_tombstone_of_the_compaction_stays_for_watchers

impl KeyHistory {
    pub fn obsolete(&self, compacted: i64) -> usize {
        let before = (self.versions).partition_point(|version| version.modified.main <= compacted);
        match self.versions[..before].last() {
            Some(last) if last.value.is_some() => before - 1,
            _ => before,
        }
    }
}
