//! Equal paths are dealt with before anything is looked up: renaming what does not exist succeeds.
//! caught-by: rename::what_is_not_there_is_the_first_thing_to_say

impl Namespace {
    pub fn rename_destination(&self, from: &str, to: &str) -> Result<Option<String>, FsError> {
        let refuse = |reason: &str| FsError::InvalidRename {
            from: from.to_owned(),
            to: to.to_owned(),
            reason: reason.to_owned(),
        };
        if from == to && from != "/" && self.lookup(from).is_none_or(|i| i.as_file().is_some()) {
            return Ok(None);
        }
        self.require(from)?;
        let (_, name) = parent(from).ok_or_else(|| refuse("the root cannot be moved"))?;
        let destination = match self.lookup(to) {
            Some(inode) if inode.as_directory().is_some() => join(to, name),
            _ => to.to_owned(),
        };
        if destination == from {
            return Ok(None);
        }
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
