//! Goes on counting behind a tombstone: a client that takes a lock with "create revision 0" finds one that looks as if it had never been released.
//! caught-by: mvcc::a_put_after_a_deletion_begins_anew

impl KeyHistory {
    pub fn put(&mut self, revision: Revision, value: Bytes, lease: LeaseId) {
        let last = (self.versions.iter()).rfind(|version| version.value.is_some());
        let (create_revision, version) = match last {
            Some(last) => (last.create_revision, last.version + 1),
            None => (revision.main, 1),
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
