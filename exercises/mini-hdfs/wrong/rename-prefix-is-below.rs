//! Whether the destination lies below the source is asked of the letters alone: `/d` cannot be renamed to `/dd`.
//! caught-by: rename::a_rename_gives_a_new_name

impl Namespace {
    pub fn rename_destination(&self, from: &str, to: &str) -> Result<Option<String>, FsError> {
        let refuse = |reason: &str| FsError::InvalidRename {
            from: from.to_owned(),
            to: to.to_owned(),
            reason: reason.to_owned(),
        };
        self.require(from)?;
        let (_, name) = parent(from).ok_or_else(|| refuse("the root cannot be moved"))?;
        let destination = match self.lookup(to) {
            Some(inode) if inode.as_directory().is_some() => join(to, name),
            _ => to.to_owned(),
        };
        if destination == from {
            return Ok(None);
        }
        if destination.starts_with(from) {
            return Err(refuse("a directory cannot be moved into itself"));
        }
        if self.lookup(&destination).is_some() {
            return Err(FsError::FileAlreadyExists(destination));
        }
        self.require_parent(&destination)?;
        Ok(Some(destination))
    }
}
