//! A put without a lease keeps that of the version before: a key that was meant to stay goes with a client.
//! caught-by: mvcc::a_lease_is_that_of_the_last_put

impl KeyHistory {
    pub fn put(&mut self, revision: Revision, value: Bytes, lease: LeaseId) {
        let (create_revision, version, old) = match self.versions.last() {
            Some(last) if last.value.is_some() => {
                (last.create_revision, last.version + 1, last.lease)
            }
            _ => (revision.main, 1, 0),
        };
        self.push(Version {
            modified: revision,
            create_revision,
            version,
            lease: if lease == 0 { old } else { lease },
            value: Some(value),
        });
    }
}
