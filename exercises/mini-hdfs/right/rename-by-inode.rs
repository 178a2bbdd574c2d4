//! Looks at inodes rather than paths: the destination lies inside the source if the source is met on the way up from it.

impl Namespace {
    pub fn rename_destination(&self, from: &str, to: &str) -> Result<Option<String>, FsError> {
        let invalid = |reason: &str| {
            Err(FsError::InvalidRename {
                from: from.to_owned(),
                to: to.to_owned(),
                reason: reason.to_owned(),
            })
        };
        let source = self.require(from)?;
        if source.id == ROOT {
            return invalid("it is the root");
        }
        let target = self.lookup(to);
        let destination = match target.and_then(Inode::as_directory) {
            Some(entries) => {
                let path = join(to, &source.name);
                // An entry that is the source itself is where it should be.
                if entries.get(&source.name) == Some(&source.id) {
                    return Ok(None);
                }
                path
            }
            None if target.is_some_and(|inode| inode.id == source.id) => return Ok(None),
            None => to.to_owned(),
        };
        let mut above = parent(&destination).map(|(dir, _)| dir);
        while let Some(dir) = above {
            if self.lookup(dir).is_some_and(|inode| inode.id == source.id) {
                return invalid("the destination is inside of it");
            }
            above = parent(dir).map(|(dir, _)| dir);
        }
        match self.lookup(&destination) {
            Some(_) => Err(FsError::FileAlreadyExists(destination)),
            None => self.require_parent(&destination).map(|_| Some(destination)),
        }
    }
}
