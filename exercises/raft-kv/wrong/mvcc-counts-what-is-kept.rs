//! Takes the number of versions that are kept for the number of the version: a compaction makes it jump back.
//! caught-by: mvcc::a_put_goes_on_with_its_generation

impl KeyHistory {
    pub fn put(&mut self, revision: Revision, value: Bytes, lease: LeaseId) {
        let of_generation = (self.versions.iter().rev()).take_while(|v| v.value.is_some());
        let version = 1 + of_generation.count() as i64;
        let create_revision = match self.versions.last() {
            Some(last) if last.value.is_some() => last.create_revision,
            _ => revision.main,
        };
        self.push(Version {
            modified: revision,
            create_revision,
            version,
            lease,
            value: Some(value),
        });
    }
}
