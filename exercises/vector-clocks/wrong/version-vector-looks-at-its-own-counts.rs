//! Only the replicas that it counts itself are looked at: writes of a replica that it has never heard of do not trouble it, and a
//! sibling is thrown away as overwritten.
//! caught-by: version_vector::a_long_list_is_not_more_knowledge

impl<R: Ord> VersionVector<R> {
    pub fn includes(&self, other: &VersionVector<R>) -> bool {
        self.iter()
            .all(|(replica, count)| count >= other.get(replica))
    }
}
