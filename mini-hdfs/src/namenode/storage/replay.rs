//! From the files in the directory to the state that they hold, and from damage to an error that names it.

use node::Disk;

use super::{CURRENT, StorageError, VERSION, corrupt, image_name, in_current};
use crate::block::TxId;
use crate::namenode::edit_log::{self, in_progress_name};
use crate::namenode::edit_op;
use crate::namenode::fsimage::{self, Image};

/// A finished segment, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// Its first transaction.
    pub first: TxId,
    /// Its last one.
    pub last: TxId,
}

impl Segment {
    /// Its file.
    pub fn file(self) -> String {
        in_current(&edit_log::finalized_name(self.first, self.last))
    }
}

/// What lies in the directory, each kind from the oldest to the newest.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The images, each by the transaction up to which it reaches by its name.
    pub images: Vec<TxId>,
    /// The finished segments.
    pub finalized: Vec<Segment>,
    /// The segments in progress, each by its first transaction. There should be one.
    pub in_progress: Vec<TxId>,
}

impl Inventory {
    /// Looks at the names in the directory, and at nothing else.
    ///
    /// # Errors
    /// The disk's.
    pub fn take(disk: &dyn Disk) -> Result<Inventory, StorageError> {
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
pub(super) struct Replayed {
    /// The result.
    pub(super) image: Image,
    /// The transaction of the image that it began with.
    pub(super) base: TxId,
    /// Newer images that were found damaged.
    pub(super) damaged: Vec<TxId>,
    /// The current segment's first transaction and how many of its bytes are good.
    pub(super) in_progress: Option<(TxId, u64)>,
}

/// Reads the newest good image and applies the log after it. Changes nothing on the disk.
pub(super) fn replay(disk: &dyn Disk, with_in_progress: bool) -> Result<Replayed, StorageError> {
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
    edit_op::replay(&scan.ops, image).map_err(|e| {
        let reason = format!("transaction {} cannot be applied: {}", e.txid, e.error);
        corrupt(file, offset_of(e.txid, &bytes), reason)
    })?;
    Ok(scan.good_len as u64)
}

/// Where the record of a transaction begins.
fn offset_of(txid: TxId, segment: &[u8]) -> usize {
    let mut at = 0;
    while let Ok(frame) = edit_log::split_frame(&segment[at..]) {
        if frame.txid == txid {
            break;
        }
        at += frame.len;
    }
    at
}
