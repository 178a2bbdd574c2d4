//! Group commit (`FSEditLog.logSync`, `EditsDoubleBuffer`): many callers, one fsync.
//!
//! An fsync takes milliseconds, a change of the namespace microseconds. So edits gather in one buffer while the
//! other is on its way to the disk; when that is there, the gathered ones follow in one go. A caller is answered when
//! its transaction is at or below [`GroupCommit::synced_txid`]. Nothing here touches a disk: [`begin_sync`]
//! says what to write, [`end_sync`] hears that it is written.
//!
//! [`begin_sync`]: GroupCommit::begin_sync
//! [`end_sync`]: GroupCommit::end_sync

use node::{Disk, DiskError};

use crate::block::TxId;
use crate::namenode::edit_op::EditOp;
use crate::namenode::storage::CURRENT;

/// Edits to be written and synced in one go. The shell calls [`Batch::write`] outside the lock, then
/// [`GroupCommit::end_sync`] under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The segment that they go to.
    pub file: String,
    /// Framed ops; may be empty when the batch only rolls the log.
    pub bytes: Vec<u8>,
    /// The last transaction among them, and all before it.
    pub last: TxId,
    /// Set when the segment ends with these edits. Once this batch is written, a checkpoint is worth making:
    /// call [`checkpoint`](crate::namenode::checkpoint) outside the lock, then [`NameNode::end_checkpoint`](crate::namenode::NameNode::end_checkpoint).
    pub roll: Option<Roll>,
}

/// The end of one segment of the edit log and the beginning of the next (`rollEditLog`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roll {
    /// The finished segment's final name.
    pub finalized: String,
    /// The file that the next edits go to.
    pub next: String,
}

impl Batch {
    /// Appends the edits to their segment and syncs it; then ends the segment, if this batch says so.
    ///
    /// # Errors
    /// The disk's. After one nothing is known of what is on the disk: the process must end.
    pub fn write(&self, disk: &mut dyn Disk) -> Result<(), DiskError> {
        // ANCHOR: write
        if !self.bytes.is_empty() {
            disk.append(&self.file, &self.bytes)?;
            disk.sync(&self.file)?;
        }
        if let Some(roll) = &self.roll {
            // In this order a crash leaves the log without a current segment, or with an empty one.
            disk.rename(&self.file, &roll.finalized)?;
            disk.write_at(&roll.next, 0, &[])?;
            disk.sync_dir(CURRENT)?;
        }
        // ANCHOR_END: write
        Ok(())
    }
}

/// The edits between memory and disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupCommit {
    /// Framed edits that no sync has taken yet.
    pending: Vec<u8>,
    last: TxId,
    synced: TxId,
    /// The transaction up to which the sync under way will reach.
    syncing: Option<TxId>,
    /// The first transaction of the current segment.
    segment: TxId,
    /// The segment shall end with the next batch.
    roll_requested: bool,
}

impl GroupCommit {
    /// A log whose transactions up to `last` are durable, and whose current segment begins with `segment`.
    pub fn new(segment: TxId, last: TxId) -> GroupCommit {
        GroupCommit {
            pending: Vec::new(),
            last,
            synced: last,
            syncing: None,
            segment,
            roll_requested: false,
        }
    }

    /// Adds an edit, framed as `edit_log::encode` does, and returns its transaction: the one after the last, and not durable
    /// yet. An edit may be added at any time, also while a batch is on its way.
    pub fn append(&mut self, op: &EditOp) -> TxId {
        let _ = op;
        todo!(
            "hdfs/group-commit: give the edit the next transaction, and keep its frame for the next batch."
        )
    }

    /// Asks that the current segment end with the next batch. A segment without edits goes on.
    pub fn request_roll(&mut self) {
        self.roll_requested = true;
    }

    /// Everything that waits to be written, in one batch, which is on its way from now on; none while an earlier batch is, or
    /// when nothing waits.
    ///
    /// Where a roll was requested and the current segment holds a transaction (in this batch or before), the batch ends it:
    /// [`Batch::roll`] has the final name of this segment (`edit_log::finalized_name`) and the name of the next one
    /// (`edit_log::in_progress_name`), which begins with the transaction after the batch, and to which later batches go. The
    /// request is fulfilled with that. Such a batch comes even when no edit waits. All files are in the
    /// directory [`CURRENT`], see `storage::in_current`.
    pub fn begin_sync(&mut self) -> Option<Batch> {
        todo!(
            "hdfs/group-commit: at most one batch at a time; it takes all that waits, and may end the segment."
        )
    }

    /// The batch that [`GroupCommit::begin_sync`] gave out is durable, and with it all transactions up to [`Batch::last`], but none
    /// that was added since.
    ///
    /// # Panics
    /// When no batch is on its way, or one with another last transaction: what is durable would be guesswork.
    pub fn end_sync(&mut self, batch: &Batch) {
        let _ = batch;
        todo!("hdfs/group-commit: what that batch took is durable, and the next one may begin.")
    }

    /// The last transaction given out.
    pub fn last_txid(&self) -> TxId {
        self.last
    }

    /// The last transaction that is durable. Callers up to it may be answered.
    pub fn synced_txid(&self) -> TxId {
        self.synced
    }
}
