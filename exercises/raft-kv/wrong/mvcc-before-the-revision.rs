//! Reads what was before the revision instead of behind it: a client does not see what it has just written.
//! caught-by: mvcc::a_version_lasts_until_the_next

impl KeyHistory {
    pub fn at(&self, main: i64) -> Option<&Version> {
        let behind = (self.versions).partition_point(|version| version.modified.main < main);
        let version = self.versions[..behind].last()?;
        version.value.is_some().then_some(version)
    }
}
