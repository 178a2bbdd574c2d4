//! Every count has to be higher: a version does not include itself, nor what only one replica has written on.
//! caught-by: version_vector::a_version_includes_itself_and_nothing

impl<R: Ord> VersionVector<R> {
    pub fn includes(&self, other: &VersionVector<R>) -> bool {
        other
            .iter()
            .all(|(replica, count)| self.get(replica) > count)
    }
}
