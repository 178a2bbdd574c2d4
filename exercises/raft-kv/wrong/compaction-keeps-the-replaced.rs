//! Keeps a version from before though the key changed at the compaction: nobody can see it any more.
//! caught-by: compaction::what_changed_at_the_compaction_stays

impl KeyHistory {
    pub fn obsolete(&self, compacted: i64) -> usize {
        let before = (self.versions).partition_point(|version| version.modified.main < compacted);
        match self.versions[..before].last() {
            Some(last) if last.value.is_some() => before - 1,
            _ => before,
        }
    }
}
