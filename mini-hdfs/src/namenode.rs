//! The NameNode's core (`FSNamesystem`): the one place where the file system is decided upon.
//!
//! It has two halves. The *durable* one — directories, files, and which blocks they have — is a state machine
//! driven by [`EditOp`]s: a method checks a call against the state, states the change as an op, applies it and logs
//! it. Recovery applies the same ops with the same function. The *volatile* one, the [`BlockManager`], knows
//! where replicas are; it learns that from DataNodes alone and forgets it in a crash.
//!
//! Nothing here waits, reads a clock, or writes to a disk. Durability is split between core and shell: a method
//! that changes the namespace has logged the change when it returns, in memory. The shell notes
//! [`NameNode::last_txid`] under the same lock and answers nobody before that transaction is synced — readers
//! too, since what they saw may not be durable yet. One thread of the shell syncs for all:
//! [`NameNode::begin_sync`] under the lock, [`Batch::write`] outside, [`NameNode::end_sync`] under it.
//!
//! Here are the calls of `ClientProtocol` that read or change the tree, and those of `DatanodeProtocol`;
//! [`writing`] has those that write a file.

pub mod block_manager;
pub mod block_report;
pub mod blocks;
pub mod config;
pub mod datanodes;
pub mod edit_log;
pub mod edit_op;
pub mod excess;
pub mod fsimage;
pub mod group_commit;
pub mod invalidate;
pub mod namespace;
pub mod path;
pub mod pending;
pub mod placement;
pub mod replication_queue;
pub mod safe_mode;
pub mod storage;
pub mod topology;
pub mod writing;

use node::{Disk, Rng, Time};

use self::block_manager::BlockManager;
use self::blocks::BlockState;
use self::edit_op::{EditOp, apply};
use self::group_commit::GroupCommit;
use self::namespace::{FileInode, Inode, Namespace};
use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo, InodeId, TxId};
use crate::error::FsError;
use crate::protocol::{
    BlockEvent, Command, ContentSummary, DatanodeReport, FileStatus, FsStatus, FsckFile, Heartbeat,
    Listing, LocatedBlocks, Permission, RegistrationId, ReportedReplica,
};
pub use config::Config;
pub use group_commit::{Batch, Roll};
pub use storage::{StorageError, checkpoint};

/// The longest name of a user, group or client, in bytes.
const WHO_LEN_MAX: usize = 255;

/// The NameNode's core: every decision that it takes, and nothing else.
#[derive(Debug)]
pub struct NameNode {
    config: Config,
    namespace_id: u64,
    namespace: Namespace,
    blocks: BlockManager,
    log: GroupCommit,
    checkpoints: Checkpoints,
}

/// When the next checkpoint is due.
#[derive(Debug)]
struct Checkpoints {
    /// The transaction that the newest image reaches.
    txid: TxId,
    /// When it was made, or found.
    at: Time,
    /// The segment is being rolled for one, or it is being made.
    under_way: bool,
    /// After a failure, not before this.
    not_before: Time,
}

/// Storage.
impl NameNode {
    /// Makes an empty file system; the generator draws its id.
    ///
    /// # Errors
    /// As [`storage::format`].
    pub fn format(disk: &mut dyn Disk, rng: &mut Rng) -> Result<(), StorageError> {
        storage::format(disk, rng)
    }

    /// Comes up with everything that was ever acknowledged.
    ///
    /// # Errors
    /// As [`storage::open`].
    pub fn load(config: Config, disk: &mut dyn Disk, now: Time) -> Result<NameNode, StorageError> {
        let loaded = storage::open(disk)?;
        Ok(NameNode {
            namespace_id: loaded.namespace_id,
            namespace: loaded.namespace,
            blocks: BlockManager::new(&config, loaded.blocks, now),
            log: GroupCommit::new(loaded.segment, loaded.last),
            checkpoints: Checkpoints {
                txid: loaded.image,
                at: now,
                under_way: false,
                not_before: now,
            },
            config,
        })
    }

    /// Tells this file system from every other one (`namespaceID`).
    pub fn namespace_id(&self) -> u64 {
        self.namespace_id
    }

    /// Directories and files.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Blocks, their replicas, and the DataNodes.
    pub fn blocks(&self) -> &BlockManager {
        &self.blocks
    }

    /// The last transaction given out. Who saw the state of now is answered once it is synced.
    pub fn last_txid(&self) -> TxId {
        self.log.last_txid()
    }

    /// The last transaction that is durable.
    pub fn synced_txid(&self) -> TxId {
        self.log.synced_txid()
    }

    /// What is to be written next; none where nothing is, or a batch is under way. Ask after every call that may have
    /// logged, and after [`NameNode::tick`], which may have asked for the end of a segment.
    pub fn begin_sync(&mut self) -> Option<Batch> {
        self.log.begin_sync()
    }

    /// The batch is written. If it had a [`Roll`], the shell calls [`checkpoint`] next, outside the lock and not in the
    /// way of further syncs, and then [`NameNode::end_checkpoint`].
    pub fn end_sync(&mut self, batch: &Batch) {
        self.log.end_sync(batch);
    }

    /// A checkpoint was made that reaches this transaction; none if it failed, to be tried again later.
    pub fn end_checkpoint(&mut self, image: Option<TxId>, now: Time) {
        self.checkpoints.under_way = false;
        match image {
            Some(txid) => {
                self.checkpoints.txid = txid;
                self.checkpoints.at = now;
            }
            None => self.checkpoints.not_before = now + self.config.checkpoint_check_period,
        }
    }

    fn request_checkpoint_when_due(&mut self, now: Time) {
        let checkpoints = &mut self.checkpoints;
        let txns = self.log.last_txid().0.saturating_sub(checkpoints.txid.0);
        let due = storage::checkpoint_due(&self.config, txns, now.since(checkpoints.at));
        if due && !checkpoints.under_way && now >= checkpoints.not_before {
            checkpoints.under_way = true;
            self.log.request_roll();
        }
    }

    /// Does what was decided: the only way by which anything durable changes.
    fn log(&mut self, op: &EditOp) -> Result<(), FsError> {
        let removed = apply(op, &mut self.namespace, self.blocks.blocks_mut())?;
        self.log.append(op);
        self.blocks.removed(&removed);
        Ok(())
    }

    fn refuse_in_safe_mode(&self, operation: &str, on: &str) -> Result<(), FsError> {
        match self.blocks.safe_mode() {
            None => Ok(()),
            Some(status) => Err(FsError::SafeMode {
                operation: format!("{operation} {on}"),
                status,
            }),
        }
    }
}

/// Reading.
impl NameNode {
    /// What stands at `path`; none if nothing does (`getFileInfo`).
    ///
    /// # Errors
    /// [`FsError::InvalidPath`].
    pub fn get_file_info(&self, path: &str) -> Result<Option<FileStatus>, FsError> {
        let inode = self.namespace.lookup(path)?;
        Ok(inode.map(|inode| self.file_status(inode, path.to_owned())))
    }

    /// The entries of a directory whose names come after `start_after`, up to [`Config::list_limit`] of them (`getListing`).
    /// A file is listed as itself.
    ///
    /// # Errors
    /// [`FsError::InvalidPath`], [`FsError::FileNotFound`].
    pub fn get_listing(&self, path: &str, start_after: &str) -> Result<Listing, FsError> {
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
        let top = self.namespace.require(path)?;
        let walk = match start_after {
            "" => self.namespace.walk(top),
            _ => self.namespace.walk_after(top, start_after)?,
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

    fn file_status(&self, inode: &Inode, path: String) -> FileStatus {
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
            permission: inode.permission.clone(),
            under_construction: file.is_some_and(|file| file.client.is_some()),
            children: inode
                .as_directory()
                .map_or(0, |entries| entries.len() as u64),
        }
    }

    /// The length of the blocks whose length is final.
    fn file_len(&self, file: &FileInode) -> u64 {
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
        check_permission(permission)?;
        let missing = self.namespace.missing_directories(path)?;
        if !create_parent && missing.len() > 1 {
            return Err(FsError::FileNotFound(missing[missing.len() - 2].clone()));
        }
        self.make_directories(missing, permission, now)
    }

    fn make_directories(
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

    fn next_inode(&self) -> InodeId {
        InodeId(self.namespace.last_inode().0 + 1)
    }

    /// Moves a file or directory to `to`, or into it where `to` is a directory. All at once or not at all. Who is writing a
    /// file goes on undisturbed (`rename`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`], and those of [`Namespace::rename_destination`].
    pub fn rename(&mut self, from: &str, to: &str, now: Time) -> Result<(), FsError> {
        self.refuse_in_safe_mode("rename", from)?;
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
        let Some(inode) = self.namespace.lookup(path)? else {
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
        let (_, file) = self.namespace.require_file(path)?;
        self.check_replication(replication)?;
        if file.replication == replication {
            return Ok(());
        }
        let blocks: Vec<BlockId> = file.blocks.clone();
        self.log(&EditOp::SetReplication {
            path: path.to_owned(),
            replication,
        })?;
        self.blocks.replication_changed(&blocks);
        Ok(())
    }

    fn check_replication(&self, replication: u16) -> Result<(), FsError> {
        let (min, max) = (self.config.replication_min, self.config.replication_max);
        if (min..=max).contains(&replication) {
            return Ok(());
        }
        let reason = format!("a replication of {replication} is not between {min} and {max}");
        Err(FsError::InvalidArgument(reason))
    }
}

fn check_permission(permission: &Permission) -> Result<(), FsError> {
    check_who("owner", &permission.owner)?;
    check_who("group", &permission.group)?;
    if permission.mode > 0o1777 {
        let reason = format!("{:o} is no mode: it goes from 0 to 1777", permission.mode);
        return Err(FsError::InvalidArgument(reason));
    }
    Ok(())
}

fn check_who(what: &str, name: &str) -> Result<(), FsError> {
    if name.is_empty() || name.len() > WHO_LEN_MAX {
        let reason = format!(
            "the {what}'s name has {} bytes, where 1 to {WHO_LEN_MAX} are allowed",
            name.len()
        );
        return Err(FsError::InvalidArgument(reason));
    }
    Ok(())
}

/// DataNodes, safe mode, timers: all of it the block manager's.
impl NameNode {
    /// A reader found a replica whose bytes do not match their checksums (`reportBadBlocks`).
    ///
    /// # Errors
    /// [`FsError::StaleBlock`] where there is no such block.
    pub fn report_bad_block(&mut self, block: Block, datanode: DatanodeId) -> Result<(), FsError> {
        if self.blocks.blocks().get(block.id).is_none() {
            return Err(FsError::StaleBlock {
                block: block.to_string(),
                reason: "its file was deleted".to_owned(),
            });
        }
        self.blocks.report_bad_block(block, datanode);
        Ok(())
    }

    /// Why safe mode is on, and what turns it off; none when it is off.
    pub fn safe_mode(&self) -> Option<String> {
        self.blocks.safe_mode()
    }

    /// Turns safe mode on or off by hand (`dfsadmin -safemode`).
    pub fn set_safe_mode(&mut self, on: bool, now: Time) {
        self.blocks.set_safe_mode(on, now);
    }

    /// All DataNodes that are known.
    pub fn datanode_report(&self, now: Time) -> Vec<DatanodeReport> {
        self.blocks.datanode_reports(now)
    }

    /// A DataNode introduces itself (`registerDatanode`).
    ///
    /// # Errors
    /// As [`BlockManager::register`].
    pub fn register_datanode(
        &mut self,
        info: DatanodeInfo,
        now: Time,
        rng: &mut Rng,
    ) -> Result<RegistrationId, FsError> {
        self.blocks.register(info, now, rng)
    }

    /// A DataNode lives; the answer is what it shall do (`sendHeartbeat`).
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> Vec<Command> {
        self.blocks.heartbeat(heartbeat, now)
    }

    /// All the replicas that a DataNode has (`blockReport`).
    ///
    /// # Errors
    /// As [`BlockManager::block_report`].
    pub fn block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        replicas: &[ReportedReplica],
        now: Time,
    ) -> Result<(), FsError> {
        self.blocks
            .block_report(datanode, registration, replicas, now)
    }

    /// What has changed on a DataNode, in order (`blockReceivedAndDeleted`).
    ///
    /// # Errors
    /// As [`BlockManager::incremental_block_report`].
    pub fn incremental_block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        events: &[BlockEvent],
        now: Time,
    ) -> Result<(), FsError> {
        self.blocks
            .incremental_block_report(datanode, registration, events, now)
    }

    /// What happens by itself: call it every [`Config::replication_interval`] or more often.
    pub fn tick(&mut self, now: Time, rng: &mut Rng) {
        self.blocks.tick(now, rng);
        self.request_checkpoint_when_due(now);
    }
}
