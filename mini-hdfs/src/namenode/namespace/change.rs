//! Doing to the tree what was decided, live or in replay.

use std::collections::btree_map;
use std::sync::Arc;

use super::{FileInode, Inode, InodeKind, Namespace, ROOT, not_found};
use crate::block::{BlockId, InodeId};
use crate::error::FsError;
use crate::namenode::path::{is_below, parent};
use crate::protocol::Permission;

/// Doing what was decided.
impl Namespace {
    /// Adds an inode. Its `parent` and `name` are taken from `path`.
    ///
    /// # Errors
    /// Where the parent is missing, or the id or the name is taken: the edit log contradicts itself.
    pub fn insert(&mut self, path: &str, mut inode: Inode) -> Result<(), FsError> {
        if self.inodes.contains(inode.id.0) {
            let reason = format!("inode {} exists already", inode.id);
            return Err(FsError::InvalidArgument(reason));
        }
        let (_, name) = parent(path).ok_or_else(|| FsError::FileAlreadyExists(path.to_owned()))?;
        inode.name = Arc::from(name);
        inode.parent = self.require_parent(path)?.id;
        self.attach(inode.parent, &inode.name, inode.id, path)?;
        self.touch(inode.parent, inode.modified_ms);
        self.adopt(inode);
        Ok(())
    }

    /// Adds an inode as an fsimage lists it: after its parent, with every field as it is to be.
    ///
    /// # Errors
    /// Where it does not fit into the tree so far.
    pub fn restore(&mut self, inode: Inode) -> Result<(), FsError> {
        if inode.id == ROOT {
            self.adopt(inode);
            return Ok(());
        }
        let (id, parent) = (inode.id, inode.parent);
        if self.inodes.contains(id.0) || !self.inodes.contains(parent.0) {
            let reason = format!("inode {id} exists already, or its parent {parent} does not");
            return Err(FsError::InvalidArgument(reason));
        }
        self.attach(parent, &inode.name, id, &inode.name)?;
        self.adopt(inode);
        Ok(())
    }

    /// Makes sure that ids up to `last` are not given out again.
    pub fn reserve_inodes(&mut self, last: InodeId) {
        self.last_inode = self.last_inode.max(last);
    }

    /// Moves what is at `from` to `to`, a destination that [`Namespace::rename_destination`] has chosen.
    ///
    /// # Errors
    /// Where it could not have chosen that: the edit log contradicts itself.
    pub fn rename(&mut self, from: &str, to: &str, time_ms: u64) -> Result<(), FsError> {
        let inode = self.require(from)?;
        let (id, old_parent, old_name) = (inode.id, inode.parent, Arc::clone(&inode.name));
        // A directory inside itself would hang in the air, and a walk up from it would never end.
        if from == "/" || is_below(to, from) {
            return Err(FsError::InvalidRename {
                from: from.to_owned(),
                to: to.to_owned(),
                reason: "a directory cannot be moved into itself".to_owned(),
            });
        }
        let new_parent = self.require_parent(to)?.id;
        let (_, name) = parent(to).ok_or_else(|| FsError::FileAlreadyExists(to.to_owned()))?;
        let name: Arc<str> = Arc::from(name);
        self.attach(new_parent, &name, id, to)?;
        self.detach(old_parent, &old_name);
        self.touch(old_parent, time_ms);
        self.touch(new_parent, time_ms);
        if let Some(inode) = self.inodes.get_mut(id.0) {
            inode.parent = new_parent;
            inode.name = name;
        }
        Ok(())
    }

    /// Removes what is at `path`, with all that is below it, and returns the blocks that were in it.
    ///
    /// # Errors
    /// [`FsError::FileNotFound`]; [`FsError::InvalidArgument`] for the root.
    pub fn delete(&mut self, path: &str, time_ms: u64) -> Result<Vec<BlockId>, FsError> {
        let inode = self.require(path)?;
        if inode.id == ROOT {
            let reason = "the root cannot be deleted".to_owned();
            return Err(FsError::InvalidArgument(reason));
        }
        let (parent, name) = (inode.parent, Arc::clone(&inode.name));
        let doomed: Vec<InodeId> = self.walk(inode).map(|inode| inode.id).collect();
        self.detach(parent, &name);
        self.touch(parent, time_ms);
        let mut blocks = Vec::new();
        for id in doomed {
            if let Some(InodeKind::File(file)) = self.inodes.remove(id.0).map(|inode| inode.kind) {
                self.open_files -= u64::from(file.client.is_some());
                blocks.extend(file.blocks);
            }
        }
        Ok(blocks)
    }

    /// The file with this id, to change its blocks or its replication.
    ///
    /// # Errors
    /// [`FsError::FileNotFound`] where there is no such inode, [`FsError::PathIsDirectory`] where it is no file.
    pub fn file_mut(&mut self, id: InodeId) -> Result<&mut FileInode, FsError> {
        match self.inodes.get_mut(id.0).map(|inode| &mut inode.kind) {
            Some(InodeKind::File(file)) => Ok(file),
            Some(InodeKind::Directory(_)) => Err(FsError::PathIsDirectory(format!("inode {id}"))),
            None => Err(not_found(&format!("inode {id}"))),
        }
    }

    /// Changes owner, group or mode of what is at `path`.
    ///
    /// # Errors
    /// [`FsError::FileNotFound`].
    pub fn change_permission(
        &mut self,
        path: &str,
        change: impl FnOnce(&mut Permission),
    ) -> Result<(), FsError> {
        let inode = self.require(path)?;
        let (id, mut permission) = (inode.id, Permission::clone(&inode.permission));
        change(&mut permission);
        let permission = self.shared(Arc::new(permission));
        if let Some(inode) = self.inodes.get_mut(id.0) {
            inode.permission = permission;
        }
        Ok(())
    }

    /// The one that is kept of all that are equal.
    fn shared(&mut self, permission: Arc<Permission>) -> Arc<Permission> {
        if let Some(kept) = self.permissions.get(&permission) {
            return Arc::clone(kept);
        }
        self.permissions.insert(Arc::clone(&permission));
        permission
    }

    /// Closes a file: nobody is writing it any more.
    ///
    /// # Errors
    /// Those of [`Namespace::file_mut`].
    pub fn close(&mut self, id: InodeId, time_ms: u64) -> Result<(), FsError> {
        let was_open = self.file_mut(id)?.client.take().is_some();
        self.open_files -= u64::from(was_open);
        self.touch(id, time_ms);
        Ok(())
    }

    fn adopt(&mut self, mut inode: Inode) {
        inode.permission = self.shared(inode.permission);
        let open = inode.as_file().is_some_and(|file| file.client.is_some());
        self.open_files += u64::from(open);
        self.reserve_inodes(inode.id);
        self.inodes.insert(inode.id.0, inode);
    }

    fn attach(
        &mut self,
        dir: InodeId,
        name: &Arc<str>,
        id: InodeId,
        path: &str,
    ) -> Result<(), FsError> {
        let entries = match self.inodes.get_mut(dir.0).map(|inode| &mut inode.kind) {
            Some(InodeKind::Directory(entries)) => entries,
            _ => return Err(FsError::ParentNotDirectory(path.to_owned())),
        };
        match entries.entry(Arc::clone(name)) {
            btree_map::Entry::Vacant(entry) => {
                entry.insert(id);
                Ok(())
            }
            btree_map::Entry::Occupied(_) => Err(FsError::FileAlreadyExists(path.to_owned())),
        }
    }

    fn detach(&mut self, dir: InodeId, name: &str) {
        if let Some(InodeKind::Directory(entries)) =
            self.inodes.get_mut(dir.0).map(|inode| &mut inode.kind)
        {
            entries.remove(name);
        }
    }

    fn touch(&mut self, id: InodeId, time_ms: u64) {
        if let Some(inode) = self.inodes.get_mut(id.0) {
            inode.modified_ms = time_ms;
        }
    }
}
