//! Who has counted more writes in all includes the other: a busy replica overwrites what it has never read.
//! caught-by: version_vector::a_long_list_is_not_more_knowledge

impl<R: Ord> VersionVector<R> {
    pub fn includes(&self, other: &VersionVector<R>) -> bool {
        let sum = |version: &VersionVector<R>| version.iter().map(|(_, count)| count).sum::<u64>();
        sum(self) >= sum(other)
    }
}
