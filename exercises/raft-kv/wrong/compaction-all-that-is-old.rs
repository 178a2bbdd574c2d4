//! All versions from before the compaction go: a key that nobody has written for a while is lost.
//! caught-by: compaction::what_a_key_was_at_the_compaction_stays

impl KeyHistory {
    pub fn obsolete(&self, compacted: i64) -> usize {
        (self.versions).partition_point(|version| version.modified.main < compacted)
    }
}
