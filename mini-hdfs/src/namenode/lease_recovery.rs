//! Files whose writer is gone are closed (`FSNamesystem.internalReleaseLease`, `commitBlockSynchronization`).
//!
//! ```text
//!                     every block complete ─────────────────────────────────▶ closed
//!  lease released ─┬─ last block committed: wait for its replicas ──────────▶ closed
//!                  └─ under construction ─▶ the lease is the NameNode's
//!                        │ no DataNode ever had a replica ─▶ block removed ─▶ closed
//!                        └ a primary is told to recover it ─▶ one length, new generation, committed ─▶ closed
//! ```
//!
//! From the moment in which the lease is taken from him, the old writer is refused here: he gets no block and no
//! generation any more. The DataNodes refuse him because the recovery has stopped their writers and raised the
//! generation of their replicas. Neither needs a clock that is right.

use node::Time;

use super::NameNode;
use super::blocks::BlockState;
use super::edit_op::EditOp;
use super::leases::{Claim, NAMENODE_HOLDER};
use super::namespace::Inode;
use super::path;
use super::writing::checks::{check_len, stale};
use crate::block::{Block, BlockId, DatanodeId, InodeId};
use crate::error::FsError;
use crate::protocol::{BlockSynchronization, LeaseLimits, RecoveringBlock};

/// Leases taken from their holders in one round, so that it never takes long
/// (`dfs.namenode.max-lock-hold-to-release-lease-ms`).
const RELEASED_IN_A_ROUND: usize = 1000;

/// Leases, as clients see them.
impl NameNode {
    /// `client` lives: all files that he is writing are his for another while. Returns how long that is (`renewLease`).
    pub fn renew_lease(&mut self, client: &str, now: Time) -> LeaseLimits {
        // The NameNode's own must run out.
        if client != NAMENODE_HOLDER {
            self.leases.renew(client, now);
        }
        let (soft, hard) = self.leases.limits();
        LeaseLimits { soft, hard }
    }

    /// Closes a file whose writer is thought to be gone, without waiting for any limit. True: it is closed. False: recovery has
    /// begun, or waits for DataNodes; ask again (`recoverLease`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::InvalidPath`], [`FsError::FileNotFound`], [`FsError::PathIsDirectory`].
    pub fn recover_lease(&mut self, path: &str, now: Time) -> Result<bool, FsError> {
        self.refuse_in_safe_mode("recover the lease of", path)?;
        path::check(path)?;
        let (inode, file) = self.namespace.require_file(path)?;
        if file.client.is_none() {
            return Ok(true);
        }
        self.release_lease(inode, now)
    }

    /// Whether nobody is writing the file any more (`isFileClosed`).
    ///
    /// # Errors
    /// [`FsError::InvalidPath`], [`FsError::FileNotFound`], [`FsError::PathIsDirectory`].
    pub fn is_file_closed(&self, path: &str) -> Result<bool, FsError> {
        path::check(path)?;
        Ok(self.namespace.require_file(path)?.1.client.is_none())
    }

    /// `client` wants to write the file at `path`, which exists and is open. If its writer is over his soft limit, it is closed
    /// for him, now or soon (`recoverLeaseInternal`).
    ///
    /// # Errors
    /// [`FsError::AlreadyBeingCreated`] while it is rightly being written, by him or another; [`FsError::RecoveryInProgress`] while
    /// it is being closed. None where it is closed now.
    pub(super) fn take_over(
        &mut self,
        path: &str,
        inode: InodeId,
        client: &str,
        now: Time,
    ) -> Result<(), FsError> {
        let path = path.to_owned();
        let holder = match self.leases.claim(inode, client, now) {
            Claim::Free => return Ok(()),
            Claim::Own => {
                let holder = client.to_owned();
                return Err(FsError::AlreadyBeingCreated { path, holder });
            }
            Claim::Held { holder } if holder != NAMENODE_HOLDER => {
                return Err(FsError::AlreadyBeingCreated { path, holder });
            }
            Claim::Held { holder } | Claim::Expired { holder } => holder,
        };
        if self.release_lease(inode, now)? {
            return Ok(());
        }
        Err(FsError::RecoveryInProgress { path, holder })
    }
}

/// Closing what was abandoned.
impl NameNode {
    /// Looks for writers over the hard limit, and goes on with what was taken from others before (`LeaseManager.Monitor`).
    pub(super) fn check_leases(&mut self, now: Time) {
        if now < self.next_lease_check || self.blocks.safe_mode().is_some() {
            return;
        }
        self.next_lease_check = now + self.config.lease_recheck_interval;
        let own = self.leases.lease(NAMENODE_HOLDER);
        let mut due: Vec<InodeId> = own.map_or(Vec::new(), |l| l.files.iter().copied().collect());
        let over = self.leases.over_hard_limit(now).into_iter();
        let others = over.filter(|file| self.leases.holder(*file) != Some(NAMENODE_HOLDER));
        due.extend(others.take(RELEASED_IN_A_ROUND));
        for file in due {
            // It fails only where memory contradicts itself; then the file stays as it is, and the others have their turn.
            let _ = self.release_lease(file, now);
        }
    }

    /// Closes an open file if that can be done now; else takes it from its writer and does what leads there. Whether it is closed.
    fn release_lease(&mut self, inode: InodeId, now: Time) -> Result<bool, FsError> {
        let Some(file) = self.namespace.get(inode).and_then(Inode::as_file) else {
            return Ok(true);
        };
        let (last, holder) = (file.blocks.last().copied(), file.client.clone());
        if self.close_if_complete(inode, now)? {
            return Ok(true);
        }
        if holder.as_deref() != Some(NAMENODE_HOLDER) {
            let holder = NAMENODE_HOLDER.to_owned();
            self.log(&EditOp::ReassignLease { inode, holder })?;
            self.leases.add(NAMENODE_HOLDER, inode, now);
        }
        let state = |id| self.blocks.blocks().get(id).map(|info| info.state);
        match last.map(|id| (id, state(id))) {
            Some((id, Some(BlockState::UnderConstruction))) => self.recover_block(inode, id, now),
            // It waits for replicas of committed blocks to be reported.
            _ => Ok(false),
        }
    }

    /// Closes a file of which all blocks are complete. Whether it did.
    fn close_if_complete(&mut self, inode: InodeId, now: Time) -> Result<bool, FsError> {
        let Some(file) = self.namespace.get(inode).and_then(Inode::as_file) else {
            return Ok(false);
        };
        if !file.blocks.iter().all(|id| self.is_complete(*id)) {
            return Ok(false);
        }
        let last = self.as_blocks(file.blocks.last().into_iter());
        self.log(&EditOp::Close {
            inode,
            last: last.first().copied(),
            time_ms: now.as_millis(),
        })?;
        Ok(true)
    }

    /// Begins a recovery of a file's last block, unless one is under way. Whether the file is closed.
    fn recover_block(&mut self, inode: InodeId, id: BlockId, now: Time) -> Result<bool, FsError> {
        let timeout = self.config.block_recovery_timeout();
        let up_for = now.since(self.loaded_at);
        // After a restart pipelines are learnt anew; whoever is silent for longer than this is avoided anyway.
        let hears_all = self.loaded_without_blocks || up_for > self.config.stale_interval;
        if self.recoveries.is_under_way(id, now, timeout) || !hears_all {
            return Ok(false);
        }
        let Some(info) = self.blocks.blocks().get(id) else {
            return Ok(false);
        };
        let block = info.block;
        if info.pipeline().is_empty() {
            // The writer died before he wrote a byte, unless whoever has it is away.
            if block.len > 0 || up_for <= self.config.dead_interval() {
                return Ok(false);
            }
            return self.remove_last_block(inode, id, now);
        }
        let locations = self.blocks.recovery_locations(id);
        let heard = locations.iter().map(|node| {
            let heard = self.blocks.last_contact(node.id);
            (node.id, heard.unwrap_or(Time::ZERO))
        });
        let heard: Vec<(DatanodeId, Time)> = heard.collect();
        let Some(primary) = self.recoveries.choose_primary(id, &heard) else {
            // All of them are dead: one of them must come back.
            return Ok(false);
        };
        let recovery_id = self.allocate_generation()?;
        let order = RecoveringBlock {
            block,
            recovery_id,
            locations,
        };
        self.recoveries.begin(order, primary, now);
        Ok(false)
    }

    fn remove_last_block(
        &mut self,
        inode: InodeId,
        id: BlockId,
        now: Time,
    ) -> Result<bool, FsError> {
        let Some(file) = self.namespace.get(inode).and_then(Inode::as_file) else {
            return Ok(false);
        };
        let kept = file.blocks.iter().filter(|block| **block != id);
        let blocks = self.as_blocks(kept);
        self.log(&EditOp::UpdateBlocks { inode, blocks })?;
        self.close_if_complete(inode, now)
    }

    /// A primary has recovered a block, or found that nobody has a byte of it (`commitBlockSynchronization`). Once its replicas are
    /// reported too, the file is closed. The same call again changes nothing.
    ///
    /// # Errors
    /// [`FsError::SafeMode`]; [`FsError::StaleBlock`] where the block is gone, its file is closed, or this attempt is not the
    /// current one; [`FsError::InvalidArgument`] where the length cannot be.
    pub fn commit_block_synchronization(
        &mut self,
        synchronization: &BlockSynchronization,
        now: Time,
    ) -> Result<(), FsError> {
        let (block, recovery_id) = (synchronization.block, synchronization.recovery_id);
        self.refuse_in_safe_mode("end the recovery of", &block.to_string())?;
        let Some(info) = self.blocks.blocks().get(block.id) else {
            return match synchronization.len {
                None => Ok(()),
                Some(_) => Err(stale(block, "it was removed")),
            };
        };
        let (stored, inode) = (info.block, info.inode);
        if stored.generation == recovery_id && info.state != BlockState::UnderConstruction {
            return Ok(());
        }
        if self.recoveries.current(block.id) != Some(recovery_id) {
            return Err(stale(
                block,
                format!("recovery {recovery_id} is not the current one"),
            ));
        }
        let Some(file) = self.namespace.get(inode).and_then(Inode::as_file) else {
            return Err(stale(block, "its file was deleted"));
        };
        self.last_under_construction(file, block)?;
        let Some(len) = synchronization.len else {
            self.recoveries.end(block.id);
            return self.remove_last_block(inode, block.id, now).map(|_| ());
        };
        let recovered = Block {
            generation: recovery_id,
            len,
            ..stored
        };
        // It may be shorter than was once acknowledged, if every node that had it in memory has failed.
        check_len(file, recovered, 0)?;
        let mut blocks = self.as_blocks(file.blocks.iter());
        if let Some(last) = blocks.last_mut() {
            *last = recovered;
        }
        self.log(&EditOp::UpdateBlocks { inode, blocks })?;
        self.log(&EditOp::CommitBlock {
            inode,
            block: recovered,
        })?;
        self.recoveries.end(block.id);
        let datanodes = &synchronization.datanodes;
        self.blocks.recovered(block.id, stored, datanodes);
        self.blocks.committed(block.id, now);
        self.close_if_complete(inode, now).map(|_| ())
    }
}
