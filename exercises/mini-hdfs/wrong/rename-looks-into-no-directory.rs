//! A directory as the destination counts as taken: `mv file dir` does not work.
//! caught-by: rename::a_rename_to_a_directory_moves_inside

impl Namespace {
    pub fn rename_destination(&self, from: &str, to: &str) -> Result<Option<String>, FsError> {
        let refuse = |reason: &str| FsError::InvalidRename {
            from: from.to_owned(),
            to: to.to_owned(),
            reason: reason.to_owned(),
        };
        self.require(from)?;
        parent(from).ok_or_else(|| refuse("the root cannot be moved"))?;
        let destination = to.to_owned();
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
