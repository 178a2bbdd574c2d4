//! The calls of `ClientProtocol` that read or change the tree of names (`FSDirectory`, `FSDirRenameOp`, …).

use node::{Rng, Time};

use super::NameNode;
use super::blocks::BlockState;
use super::edit_op::EditOp;
use super::namespace::{FileInode, Inode};
use super::path::check;
use crate::block::InodeId;
use crate::error::FsError;
use crate::protocol::{
    ContentSummary, FileStatus, FsStatus, FsckFile, Listing, LocatedBlocks, Permission,
};

/// The longest name of a user, group or client, in bytes.
const WHO_LEN_MAX: usize = 255;

/// Reading.
impl NameNode {
    /// What stands at `path`; none if nothing does (`getFileInfo`).
    ///
    /// # Errors
    /// [`FsError::InvalidPath`].
    pub fn get_file_info(&self, path: &str) -> Result<Option<FileStatus>, FsError> {
        check(path)?;
        let inode = self.namespace.lookup(path);
        Ok(inode.map(|inode| self.file_status(inode, path.to_owned())))
    }

    /// The entries of a directory whose names come after `start_after`, up to [`Config::list_limit`](super::Config::list_limit) of them (`getListing`).
    /// A file is listed as itself.
    ///
    /// # Errors
    /// [`FsError::InvalidPath`], [`FsError::FileNotFound`].
    pub fn get_listing(&self, path: &str, start_after: &str) -> Result<Listing, FsError> {
        check(path)?;
        let page = self
            .namespace
            .list(path, start_after, self.config.list_limit)?;
        let status = |inode: &&Inode| self.file_status(inode, self.namespace.path_of(inode));
        Ok(Listing {
            entries: page.entries.iter().map(status).collect(),
            remaining: page.remaining as u64,
        })
    }

    /// Sums over a file, or a directory and all below it (`getContentSummary`).
    ///
    /// # Errors
    /// [`FsError::InvalidPath`], [`FsError::FileNotFound`].
    pub fn get_content_summary(&self, path: &str) -> Result<ContentSummary, FsError> {
        check(path)?;
        let top = self.namespace.require(path)?;
        let mut summary = ContentSummary::default();
        for inode in self.namespace.walk(top) {
            let Some(file) = inode.as_file() else {
                summary.directories += 1;
                continue;
            };
            let len = self.file_len(file);
            let space = len.saturating_mul(u64::from(file.replication));
            summary.files += 1;
            summary.len = summary.len.saturating_add(len);
            summary.space_consumed = summary.space_consumed.saturating_add(space);
        }
        Ok(summary)
    }

    /// The blocks that a range of a file touches, each with its good replicas, nearest to `reader_host` first
    /// (`getBlockLocations`).
    ///
    /// # Errors
    /// [`FsError::InvalidPath`], [`FsError::FileNotFound`], [`FsError::PathIsDirectory`].
    pub fn get_block_locations(
        &self,
        path: &str,
        offset: u64,
        len: u64,
        reader_host: Option<&str>,
        now: Time,
        rng: &mut Rng,
    ) -> Result<LocatedBlocks, FsError> {
        check(path)?;
        let (_, file) = self.namespace.require_file(path)?;
        let asked_end = offset.saturating_add(len);
        let mut located = Vec::new();
        let mut begin: u64 = 0;
        for id in &file.blocks {
            let Some(info) = self.blocks.blocks().get(*id) else {
                continue;
            };
            // How much of a block under construction can be read, only its DataNodes know.
            let end = match info.state {
                BlockState::UnderConstruction => u64::MAX,
                _ => begin.saturating_add(info.block.len),
            };
            if begin < asked_end && offset < end {
                located.extend(self.blocks.located_block(*id, begin, reader_host, now, rng));
            }
            begin = end;
        }
        Ok(LocatedBlocks {
            len: self.file_len(file),
            blocks: located,
            under_construction: file.client.is_some(),
        })
    }

    /// Up to `limit` files below `path`, with their blocks and replicas, that come after the one whose full path is
    /// `start_after`; the first ones where that is empty.
    ///
    /// # Errors
    /// [`FsError::InvalidPath`], [`FsError::FileNotFound`]; [`FsError::InvalidArgument`] where `start_after` is not below `path`.
    pub fn fsck(
        &self,
        path: &str,
        start_after: &str,
        limit: usize,
        now: Time,
    ) -> Result<Vec<FsckFile>, FsError> {
        check(path)?;
        let top = self.namespace.require(path)?;
        let walk = match start_after {
            "" => self.namespace.walk(top),
            _ => {
                check(start_after)?;
                self.namespace.walk_after(top, start_after)?
            }
        };
        let files = walk.filter_map(|inode| Some((inode, inode.as_file()?)));
        let checked = files.take(limit).map(|(inode, file)| FsckFile {
            status: self.file_status(inode, self.namespace.path_of(inode)),
            blocks: file
                .blocks
                .iter()
                .filter_map(|id| self.blocks.fsck(*id, now))
                .collect(),
        });
        Ok(checked.collect())
    }

    /// Figures of the whole file system.
    pub fn status(&self, now: Time) -> FsStatus {
        let mut status = FsStatus {
            inodes: self.namespace.len() as u64,
            under_construction: self.namespace.open_files(),
            last_txid: self.log.last_txid().0,
            checkpoint_txid: self.checkpoints.txid.0,
            ..FsStatus::default()
        };
        self.blocks.fill_status(&mut status, now);
        status
    }

    pub(super) fn file_status(&self, inode: &Inode, path: String) -> FileStatus {
        let file = inode.as_file();
        FileStatus {
            path,
            inode: inode.id,
            is_directory: file.is_none(),
            len: file.map_or(0, |file| self.file_len(file)),
            replication: file.map_or(0, |file| file.replication),
            block_size: file.map_or(0, |file| file.block_size),
            modified_ms: inode.modified_ms,
            accessed_ms: inode.accessed_ms,
            permission: Permission::clone(&inode.permission),
            under_construction: file.is_some_and(|file| file.client.is_some()),
            children: inode
                .as_directory()
                .map_or(0, |entries| entries.len() as u64),
        }
    }

    /// The length of the blocks whose length is final.
    pub(super) fn file_len(&self, file: &FileInode) -> u64 {
        let infos = file
            .blocks
            .iter()
            .filter_map(|id| self.blocks.blocks().get(*id));
        infos
            .filter(|info| info.state != BlockState::UnderConstruction)
            .fold(0, |sum, info| sum.saturating_add(info.block.len))
    }
}

/// Changing the tree.
impl NameNode {
    /// Makes a directory, and those above it if `create_parent` says so. One that is there already is no error (`mkdirs`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::InvalidPath`]; [`FsError::FileAlreadyExists`] where a file stands at `path`,
    /// [`FsError::ParentNotDirectory`] where one stands on the way; [`FsError::FileNotFound`] without the directory above.
    pub fn mkdirs(
        &mut self,
        path: &str,
        create_parent: bool,
        permission: &Permission,
        now: Time,
    ) -> Result<(), FsError> {
        self.refuse_in_safe_mode("create directory", path)?;
        check(path)?;
        check_permission(permission)?;
        let missing = self.namespace.missing_directories(path)?;
        if !create_parent && missing.len() > 1 {
            return Err(FsError::FileNotFound(missing[missing.len() - 2].clone()));
        }
        self.make_directories(missing, permission, now)
    }

    pub(super) fn make_directories(
        &mut self,
        missing: Vec<String>,
        permission: &Permission,
        now: Time,
    ) -> Result<(), FsError> {
        for path in missing {
            self.log(&EditOp::Mkdir {
                inode: self.next_inode(),
                path,
                permission: permission.clone(),
                time_ms: now.as_millis(),
            })?;
        }
        Ok(())
    }

    pub(super) fn next_inode(&self) -> InodeId {
        InodeId(self.namespace.last_inode().0 + 1)
    }

    /// Moves a file or directory to `to`, or into it where `to` is a directory. All at once or not at all. Who is writing a
    /// file goes on undisturbed (`rename`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::InvalidPath`], and those of [`Namespace::rename_destination`](super::namespace::Namespace::rename_destination).
    pub fn rename(&mut self, from: &str, to: &str, now: Time) -> Result<(), FsError> {
        self.refuse_in_safe_mode("rename", from)?;
        check(from)?;
        check(to)?;
        match self.namespace.rename_destination(from, to)? {
            None => Ok(()),
            Some(to) => self.log(&EditOp::Rename {
                from: from.to_owned(),
                to,
                time_ms: now.as_millis(),
            }),
        }
    }

    /// Removes a file, open or not, or a directory; one with entries only if `recursive`. False if nothing was there
    /// (`delete`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::InvalidPath`], [`FsError::PathIsNotEmptyDirectory`];
    /// [`FsError::InvalidArgument`] for the root.
    pub fn delete(&mut self, path: &str, recursive: bool, now: Time) -> Result<bool, FsError> {
        self.refuse_in_safe_mode("delete", path)?;
        check(path)?;
        let Some(inode) = self.namespace.lookup(path) else {
            return Ok(false);
        };
        if !recursive
            && inode
                .as_directory()
                .is_some_and(|entries| !entries.is_empty())
        {
            return Err(FsError::PathIsNotEmptyDirectory(path.to_owned()));
        }
        self.log(&EditOp::Delete {
            path: path.to_owned(),
            time_ms: now.as_millis(),
        })?;
        Ok(true)
    }

    /// Sets how many replicas a file's blocks should have; they are copied or deleted by and by (`setReplication`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::InvalidPath`], [`FsError::FileNotFound`], [`FsError::PathIsDirectory`];
    /// [`FsError::InvalidArgument`] where it is out of range.
    pub fn set_replication(&mut self, path: &str, replication: u16) -> Result<(), FsError> {
        self.refuse_in_safe_mode("set the replication of", path)?;
        check(path)?;
        let (_, file) = self.namespace.require_file(path)?;
        self.check_replication(replication)?;
        if file.replication == replication {
            return Ok(());
        }
        let blocks = file.blocks.clone();
        self.log(&EditOp::SetReplication {
            path: path.to_owned(),
            replication,
        })?;
        self.blocks.replication_changed(&blocks);
        Ok(())
    }

    /// Changes the mode of a file or directory (`setPermission`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::InvalidPath`], [`FsError::FileNotFound`]; [`FsError::InvalidArgument`] where it is no
    /// mode.
    pub fn set_permission(&mut self, path: &str, mode: u16) -> Result<(), FsError> {
        self.refuse_in_safe_mode("set the permission of", path)?;
        check(path)?;
        check_mode(mode)?;
        if self.namespace.require(path)?.permission.mode == mode {
            return Ok(());
        }
        self.log(&EditOp::SetPermissions {
            path: path.to_owned(),
            mode,
        })
    }

    /// Changes who owns a file or directory, the group, or both (`setOwner`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::InvalidPath`], [`FsError::FileNotFound`]; [`FsError::InvalidArgument`] where a name is
    /// empty or too long.
    pub fn set_owner(
        &mut self,
        path: &str,
        owner: Option<&str>,
        group: Option<&str>,
    ) -> Result<(), FsError> {
        self.refuse_in_safe_mode("set the owner of", path)?;
        check(path)?;
        owner.map_or(Ok(()), |owner| check_who("owner", owner))?;
        group.map_or(Ok(()), |group| check_who("group", group))?;
        let now = &self.namespace.require(path)?.permission;
        if owner.is_none_or(|owner| owner == now.owner)
            && group.is_none_or(|group| group == now.group)
        {
            return Ok(());
        }
        self.log(&EditOp::SetOwner {
            path: path.to_owned(),
            owner: owner.map(str::to_owned),
            group: group.map(str::to_owned),
        })
    }

    pub(super) fn check_replication(&self, replication: u16) -> Result<(), FsError> {
        let (min, max) = (self.config.replication_min, self.config.replication_max);
        if (min..=max).contains(&replication) {
            return Ok(());
        }
        let reason = format!("a replication of {replication} is not between {min} and {max}");
        Err(FsError::InvalidArgument(reason))
    }
}

pub(super) fn check_permission(permission: &Permission) -> Result<(), FsError> {
    check_who("owner", &permission.owner)?;
    check_who("group", &permission.group)?;
    check_mode(permission.mode)
}

fn check_mode(mode: u16) -> Result<(), FsError> {
    if mode > 0o1777 {
        let reason = format!("{mode:o} is no mode: it goes from 0 to 1777");
        return Err(FsError::InvalidArgument(reason));
    }
    Ok(())
}

pub(super) fn check_who(what: &str, name: &str) -> Result<(), FsError> {
    if name.is_empty() || name.len() > WHO_LEN_MAX {
        let reason = format!(
            "the {what}'s name has {} bytes, where 1 to {WHO_LEN_MAX} are allowed",
            name.len()
        );
        return Err(FsError::InvalidArgument(reason));
    }
    Ok(())
}
