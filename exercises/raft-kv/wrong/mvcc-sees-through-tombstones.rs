//! The last version with a value, tombstones or not: a deleted key is there for ever.
//! caught-by: mvcc::a_deleted_key_is_not_there

impl KeyHistory {
    pub fn at(&self, main: i64) -> Option<&Version> {
        let behind = (self.versions).partition_point(|version| version.modified.main <= main);
        let versions = &self.versions[..behind];
        versions.iter().rfind(|version| version.value.is_some())
    }
}
