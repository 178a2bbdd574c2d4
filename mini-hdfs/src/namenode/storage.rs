//! The NameNode's directory (`NNStorage`, `FSImage`): what lies in it, how it is read after whatever happened, and how a
//! checkpoint replaces much log by one image.
//!
//! ```text
//! current/VERSION                         format and id of the file system; there since it was formatted
//! current/fsimage_N                       everything up to transaction N
//! current/edits_A-B                       a finished segment of the log
//! current/edits_inprogress_A              the current one
//! current/*.ckpt                          a file that was not finished; nobody reads it
//! ```
//!
//! The rule for a crash: at each point in time the newest whole image and the segments after it hold all that
//! was ever acknowledged. So a new file gets its name only once its contents are durable, and an old one goes
//! only once the new name is.

use std::time::Duration;

use node::{Disk, DiskError, Rng};

use super::blocks::BlocksMap;
use super::config::Config;
use super::edit_log::{self, in_progress_name};
use super::edit_op::apply;
use super::fsimage::{self, Image};
use super::namespace::Namespace;
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
    write_file(&version_file, disk, |file, disk| {
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
    })
}

/// Whether to end the current segment and make an image: after `txns` transactions since the last one, which is `age` old.
pub fn checkpoint_due(config: &Config, txns: u64, age: Duration) -> bool {
    txns >= config.checkpoint_txns || (txns > 0 && age >= config.checkpoint_period)
}

/// Merges the newest image with the finished segments after it into a new image, and purges what is no longer needed.
/// Returns the transaction that the newest image reaches.
///
/// Works on the disk alone, as HDFS's SecondaryNameNode does: the NameNode's lock is held for none of it, however many
/// files there are. The price is memory for a second namespace meanwhile. At most one may run at a time.
///
/// # Errors
/// [`StorageError`]. Nothing is lost then, and it may be tried again.
pub fn checkpoint(config: &Config, disk: &mut dyn Disk) -> Result<TxId, StorageError> {
    let mut replayed = replay(disk, false)?;
    if replayed.image.txid > replayed.base {
        write_image(&replayed.image, disk)?;
        // It may have replaced a damaged one that reached as far.
        replayed.damaged.retain(|txid| *txid != replayed.image.txid);
    }
    purge(config.checkpoints_retained, &replayed.damaged, disk)?;
    Ok(replayed.image.txid)
}

/// Removes all images but the newest `retained` ones, damaged ones, and the segments that no image kept needs.
fn purge(retained: usize, damaged: &[TxId], disk: &mut dyn Disk) -> Result<(), StorageError> {
    let inventory = Inventory::take(disk)?;
    let good = || {
        inventory
            .images
            .iter()
            .rev()
            .filter(|txid| !damaged.contains(txid))
    };
    let Some(oldest) = good().take(retained.max(1)).last().copied() else {
        return Ok(());
    };
    let unneeded = |txid: &&TxId| **txid < oldest || damaged.contains(txid);
    for txid in inventory.images.iter().filter(unneeded) {
        disk.remove(&in_current(&image_name(*txid)))?;
    }
    for segment in inventory.finalized.iter().filter(|s| s.last <= oldest) {
        disk.remove(&segment.file())?;
    }
    Ok(disk.sync_dir(CURRENT)?)
}

const VERSION: &str = "VERSION";
const TEMPORARY: &str = ".ckpt";

fn image_name(txid: TxId) -> String {
    format!("fsimage_{:019}", txid.0)
}

fn write_image(image: &Image, disk: &mut dyn Disk) -> Result<(), DiskError> {
    let file = in_current(&image_name(image.txid));
    write_file(&file, disk, |file, disk| fsimage::write(image, file, disk))
}

/// Makes a file appear whole or not at all.
fn write_file(
    file: &str,
    disk: &mut dyn Disk,
    write: impl FnOnce(&str, &mut dyn Disk) -> Result<(), DiskError>,
) -> Result<(), DiskError> {
    let temporary = format!("{file}{TEMPORARY}");
    if disk.exists(&temporary) {
        disk.truncate(&temporary, 0)?;
    }
    write(&temporary, disk)?;
    disk.sync(&temporary)?;
    disk.rename(&temporary, file)?;
    disk.sync_dir(CURRENT)
}

/// A finished segment, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    first: TxId,
    last: TxId,
}

impl Segment {
    fn file(self) -> String {
        in_current(&edit_log::finalized_name(self.first, self.last))
    }
}

/// What lies in the directory, each kind from the oldest to the newest.
#[derive(Debug, Default)]
struct Inventory {
    images: Vec<TxId>,
    finalized: Vec<Segment>,
    in_progress: Vec<TxId>,
}

impl Inventory {
    fn take(disk: &dyn Disk) -> Result<Inventory, StorageError> {
        let mut inventory = Inventory::default();
        let number = |digits: &str| digits.parse().ok().map(TxId);
        for name in disk.list(CURRENT)? {
            if let Some(txid) = name.strip_prefix("fsimage_").and_then(number) {
                inventory.images.push(txid);
            } else if let Some(first) = name.strip_prefix("edits_inprogress_").and_then(number) {
                inventory.in_progress.push(first);
            } else if let Some((first, last)) = name
                .strip_prefix("edits_")
                .and_then(|range| range.split_once('-'))
                .and_then(|(first, last)| Some((number(first)?, number(last)?)))
            {
                inventory.finalized.push(Segment { first, last });
            }
        }
        inventory.images.sort_unstable();
        inventory.finalized.sort_unstable();
        inventory.in_progress.sort_unstable();
        Ok(inventory)
    }
}

/// An image, brought up to date with the log.
struct Replayed {
    /// The result.
    image: Image,
    /// The transaction of the image that it began with.
    base: TxId,
    /// Newer images that were found damaged.
    damaged: Vec<TxId>,
    /// The current segment's first transaction and how many of its bytes are good.
    in_progress: Option<(TxId, u64)>,
}

/// Reads the newest good image and applies the log after it. Changes nothing on the disk.
fn replay(disk: &dyn Disk, with_in_progress: bool) -> Result<Replayed, StorageError> {
    let version = match disk.read(&in_current(VERSION)) {
        Err(e) if e.kind == node::DiskErrorKind::NotFound => {
            return Err(StorageError::NotFormatted);
        }
        version => version?,
    };
    let inventory = Inventory::take(disk)?;
    let (base, damage) = newest_good_image(&inventory, disk)?;
    check_version(&version, &base)?;
    let mut replayed = Replayed {
        base: base.txid,
        image: base,
        damaged: damage.iter().map(|(txid, _)| *txid).collect(),
        in_progress: None,
    };
    let why = match damage.first() {
        Some((_, e)) => format!("an older image had to be used, since {e}"),
        None => format!("the newest image reaches to {}", replayed.base),
    };
    for segment in inventory.finalized {
        if segment.last > replayed.image.txid {
            replay_finalized(segment, &mut replayed.image, &why, disk)?;
        }
    }
    if with_in_progress {
        replayed.in_progress =
            replay_in_progress(&inventory.in_progress, &mut replayed.image, &why, disk)?;
    }
    Ok(replayed)
}

/// What each damaged image that is newer than the good one suffers from, the newest first.
type DamagedImages = Vec<(TxId, StorageError)>;

fn newest_good_image(
    inventory: &Inventory,
    disk: &dyn Disk,
) -> Result<(Image, DamagedImages), StorageError> {
    let mut damaged = Vec::new();
    for txid in inventory.images.iter().rev() {
        let file = in_current(&image_name(*txid));
        match fsimage::read(&file, disk) {
            Ok(image) if image.txid == *txid => return Ok((image, damaged)),
            Ok(image) => {
                let reason = format!("it reaches to transaction {}", image.txid);
                damaged.push((*txid, corrupt(&file, 0, reason)));
            }
            Err(e @ StorageError::Corrupt { .. }) => damaged.push((*txid, e)),
            Err(e) => return Err(e),
        }
    }
    let nothing = || corrupt(CURRENT, 0, "it holds no fsimage".to_owned());
    Err(damaged.into_iter().next().map_or_else(nothing, |(_, e)| e))
}

fn check_version(version: &[u8], image: &Image) -> Result<(), StorageError> {
    let version = String::from_utf8_lossy(version);
    let value = |key: &str| {
        let pairs = version.lines().filter_map(|line| line.split_once('='));
        pairs.filter(|(k, _)| *k == key).map(|(_, v)| v).next()
    };
    let expected = |key: &str, expected: String| match value(key) {
        Some(found) if found == expected => Ok(()),
        found => {
            let reason = format!("{key} is {found:?}, where {expected:?} was expected");
            Err(corrupt(&in_current(VERSION), 0, reason))
        }
    };
    expected("layoutVersion", fsimage::VERSION.to_string())?;
    expected("namespaceID", image.namespace_id.to_string())
}

fn require_no_gap(first: TxId, image: &Image, why: &str) -> Result<(), StorageError> {
    let next = TxId(image.txid.0 + 1);
    if first > next {
        return Err(StorageError::MissingEdits {
            from: next,
            until: TxId(first.0 - 1),
            reason: why.to_owned(),
        });
    }
    Ok(())
}

fn replay_finalized(
    segment: Segment,
    image: &mut Image,
    why: &str,
    disk: &dyn Disk,
) -> Result<(), StorageError> {
    require_no_gap(segment.first, image, why)?;
    let (file, last) = (segment.file(), segment.last);
    let good_len = replay_file(&file, segment.first, image, disk)?;
    let len = disk.len(&file)?;
    if image.txid != last || len != good_len {
        let reason = format!(
            "it should end with transaction {last}, and {} is its last good one",
            image.txid
        );
        return Err(StorageError::Corrupt {
            file,
            offset: good_len,
            reason,
        });
    }
    Ok(())
}

fn replay_in_progress(
    segments: &[TxId],
    image: &mut Image,
    why: &str,
    disk: &dyn Disk,
) -> Result<Option<(TxId, u64)>, StorageError> {
    let &[first] = segments else {
        return match segments {
            [] => Ok(None),
            [first, ..] => {
                let file = in_current(&in_progress_name(*first));
                let reason = "another segment is in progress too".to_owned();
                Err(corrupt(&file, 0, reason))
            }
        };
    };
    require_no_gap(first, image, why)?;
    let file = in_current(&in_progress_name(first));
    let before = image.txid;
    let good_len = replay_file(&file, first, image, disk)?;
    if first <= before && image.txid == before {
        let reason = format!("it holds nothing new after transaction {before}");
        return Err(corrupt(&file, 0, reason));
    }
    Ok(Some((first, good_len)))
}

/// Applies what a segment holds beyond the image; returns how many of its bytes are good.
fn replay_file(
    file: &str,
    first: TxId,
    image: &mut Image,
    disk: &dyn Disk,
) -> Result<u64, StorageError> {
    let bytes = disk.read(file)?;
    let scan = edit_log::scan(&bytes, first).map_err(|d| corrupt(file, d.offset, d.reason))?;
    for (txid, op) in &scan.ops {
        if *txid <= image.txid {
            continue;
        }
        apply(op, &mut image.namespace, &mut image.blocks).map_err(|e| {
            let reason = format!("transaction {txid} cannot be applied: {e}");
            corrupt(file, scan.good_len, reason)
        })?;
        image.txid = *txid;
    }
    Ok(scan.good_len as u64)
}
