//! Looks for a version of exactly the revision first, and takes the first of them: of a transaction with several changes of a key, half is seen.
//! caught-by: mvcc::within_a_transaction_the_last_change_counts

impl KeyHistory {
    pub fn at(&self, main: i64) -> Option<&Version> {
        let before = (self.versions).partition_point(|version| version.modified.main < main);
        let exact = self.versions.get(before);
        let exact = exact.filter(|version| version.modified.main == main);
        let version = exact.or_else(|| self.versions[..before].last())?;
        version.value.is_some().then_some(version)
    }
}
