//! Walks back from the newest version; a put asks `at` what is there now.

impl KeyHistory {
    pub fn at(&self, main: i64) -> Option<&Version> {
        let mut newest_first = self.versions.iter().rev();
        let version = newest_first.find(|version| version.modified.main <= main)?;
        version.value.as_ref().map(|_| version)
    }

    pub fn put(&mut self, revision: Revision, value: Bytes, lease: LeaseId) {
        let now = self.at(i64::MAX);
        let create_revision = now.map_or(revision.main, |now| now.create_revision);
        let version = now.map_or(0, |now| now.version) + 1;
        self.versions.push(Version {
            modified: revision,
            create_revision,
            version,
            lease,
            value: Some(value),
        });
    }
}
