//! A rename to where it is already is refused, since something has that name: a call that was repeated fails.
//! caught-by: rename::a_rename_to_where_it_is_does_nothing

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
        if is_below(&destination, from) {
            return Err(refuse("a directory cannot be moved into itself"));
        }
        if self.lookup(&destination).is_some() {
            return Err(FsError::FileAlreadyExists(destination));
        }
        self.require_parent(&destination)?;
        Ok(Some(destination))
    }
}
