//! The NameNode's directory (`NNStorage`, `FSImage`): what lies in it, how it is read after whatever happened, and how a
//! checkpoint replaces much log by one image.
//!
//! ```text
//! current/VERSION                         format and id of the file system; there since it was formatted
//! current/fsimage_N                       everything up to transaction N
//! current/edits_A-B                       a finished segment of the log
//! current/edits_inprogress_A              the current one
//! current/*.new                           a file that was not finished; nobody reads it
//! ```
//!
//! The rule for a crash: at each point in time the newest whole image and the segments after it hold all that
//! was ever acknowledged. So a new file gets its name only once its contents are durable, and an old one goes
//! only once the new name is.

mod replay;

use std::time::Duration;

use node::{Disk, DiskError, Rng};

pub use self::replay::{Inventory, Segment};

use self::replay::replay;
use super::blocks::BlocksMap;
use super::config::Config;
use super::edit_log::in_progress_name;
use super::fsimage::{self, Image};
use super::namespace::Namespace;
use crate::atomic_file::{TEMPORARY, write_whole};
use crate::block::TxId;

/// The directory of everything.
pub const CURRENT: &str = "current";

/// The path of a file in it.
pub fn in_current(name: &str) -> String {
    format!("{CURRENT}/{name}")
}

/// Why the NameNode's storage cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// There is no file system here.
    #[error("there is no file system here; format one with `mini-hdfs namenode --format`")]
    NotFormatted,
    /// There is one already.
    #[error(
        "{0} exists: formatting would destroy that file system. Remove the directory if that is wanted"
    )]
    AlreadyFormatted(String),
    /// A file is damaged, and no crash explains it.
    #[error(
        "{file} is damaged at byte {offset}: {reason}. Nothing was changed. Restore this file from a copy; to go on \
         without it loses what was acknowledged"
    )]
    Corrupt {
        /// Which file.
        file: String,
        /// Where, in bytes.
        offset: u64,
        /// What is wrong, as the end of a sentence.
        reason: String,
    },
    /// A part of the edit log is not there.
    #[error(
        "transactions {from} to {until} are in no file: {reason}. Nothing was changed. Restore the missing files from a copy"
    )]
    MissingEdits {
        /// The first one that is missing.
        from: TxId,
        /// The last one.
        until: TxId,
        /// What led to looking for them.
        reason: String,
    },
}

fn corrupt(file: &str, offset: usize, reason: String) -> StorageError {
    StorageError::Corrupt {
        file: file.to_owned(),
        offset: offset as u64,
        reason,
    }
}

/// The file system as it was when the NameNode was last up.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Drawn when it was formatted: tells it from every other one.
    pub namespace_id: u64,
    /// Directories and files.
    pub namespace: Namespace,
    /// Their blocks; no replica is known yet.
    pub blocks: BlocksMap,
    /// The image that it began with.
    pub image: TxId,
    /// The last transaction.
    pub last: TxId,
    /// The first transaction of the current segment.
    pub segment: TxId,
    /// Images newer than that one, which were found damaged.
    pub damaged: Vec<TxId>,
}

/// Makes an empty file system (`namenode -format`).
///
/// # Errors
/// [`StorageError::AlreadyFormatted`] where anything is there but the leftovers of formatting; the disk's.
pub fn format(disk: &mut dyn Disk, rng: &mut Rng) -> Result<(), StorageError> {
    let image_file = in_current(&image_name(TxId(0)));
    let version_file = in_current(VERSION);
    for name in disk.list(CURRENT)? {
        let file = in_current(&name);
        if file != image_file && !name.ends_with(TEMPORARY) {
            return Err(StorageError::AlreadyFormatted(file));
        }
    }
    let image = Image {
        namespace_id: rng.next_u64(),
        txid: TxId(0),
        namespace: Namespace::default(),
        blocks: BlocksMap::default(),
    };
    write_image(&image, disk)?;
    // Last: the file system exists from here on.
    let version = format!(
        "layoutVersion={}\nnamespaceID={}\n",
        fsimage::VERSION,
        image.namespace_id
    );
    write_whole(&version_file, disk, &|file, disk| {
        disk.write_at(file, 0, version.as_bytes())
    })?;
    Ok(())
}

/// Reads everything back and makes the log ready to be appended to: cuts its torn tail off, or begins a segment.
///
/// # Errors
/// [`StorageError`]; then nothing was changed, unless the disk refused.
pub fn open(disk: &mut dyn Disk) -> Result<Loaded, StorageError> {
    let replayed = replay(disk, true)?;
    for name in disk.list(CURRENT)? {
        if name.ends_with(TEMPORARY) {
            disk.remove(&in_current(&name))?;
        }
    }
    let segment = match replayed.in_progress {
        Some((first, good_len)) => {
            let file = in_current(&in_progress_name(first));
            disk.truncate(&file, good_len)?;
            // Its last edits may be there only because the machine, unlike the process, did not crash.
            disk.sync(&file)?;
            first
        }
        None => {
            let first = TxId(replayed.image.txid.0 + 1);
            disk.write_at(&in_current(&in_progress_name(first)), 0, &[])?;
            first
        }
    };
    disk.sync_dir(CURRENT)?;
    Ok(Loaded {
        namespace_id: replayed.image.namespace_id,
        last: replayed.image.txid,
        namespace: replayed.image.namespace,
        blocks: replayed.image.blocks,
        image: replayed.base,
        segment,
        damaged: replayed.damaged,
    })
}

/// Whether to end the current segment and make an image: after `txns` transactions since the last one, which is `age` old.
pub fn checkpoint_due(config: &Config, txns: u64, age: Duration) -> bool {
    txns >= config.checkpoint_txns || (txns > 0 && age >= config.checkpoint_period)
}

/// Merges the newest image with the finished segments after it into a new image, and once that is there purges what is no
/// longer needed, with [`Config::checkpoints_retained`] images to be kept. Returns the transaction that the newest image
/// reaches. Where no finished segment reaches beyond the newest image, no image is written, but the purge takes place.
///
/// Works on the disk alone, as HDFS's SecondaryNameNode does: the NameNode's lock is held for none of it, however many
/// files there are. The price is memory for a second namespace meanwhile. At most one may run at a time.
///
/// `replay`, in `storage/replay.rs`, reads images and segments, [`write_image`] writes an image under its name, replacing one of
/// that name. An image that `replay` found damaged counts as none, until one of the same name has replaced it.
///
/// # Errors
/// [`StorageError`]. Nothing is lost then, and it may be tried again.
pub fn checkpoint(config: &Config, disk: &mut dyn Disk) -> Result<TxId, StorageError> {
    let _ = (config, disk);
    todo!("hdfs/checkpoint: replay the finished segments, write the image, and only then purge.")
}

/// Removes what nobody needs any more: all good images but the newest `retained` ones (at least one is kept), the images
/// `damaged`, and each finished segment of which the oldest image kept holds every transaction. The newest image alone
/// is not enough to say so: should it be found damaged, the older one needs the segments after it. Segments in progress
/// stay, and where no image is good, everything does. [`Inventory::take`] says what there is.
///
/// # Errors
/// The disk's. What is removed then is no longer needed, and the rest can be removed the next time.
pub fn purge(retained: usize, damaged: &[TxId], disk: &mut dyn Disk) -> Result<(), StorageError> {
    let _ = (retained, damaged, disk);
    todo!(
        "hdfs/checkpoint: keep the newest good images, and every segment that the oldest of them still needs."
    )
}

const VERSION: &str = "VERSION";

fn image_name(txid: TxId) -> String {
    format!("fsimage_{:019}", txid.0)
}

/// Writes an image to the file that bears its transaction, whole or not at all.
///
/// # Errors
/// The disk's.
pub fn write_image(image: &Image, disk: &mut dyn Disk) -> Result<(), DiskError> {
    let file = in_current(&image_name(image.txid));
    write_whole(&file, disk, &|file, disk| fsimage::write(image, file, disk))
}
