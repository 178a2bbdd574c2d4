//! Where things are in each directory of a DataNode, and what is found there at a start (`BlockPoolSlice`,
//! `DatanodeUtil`). A directory is a volume: it has all of this for itself.
//!
//! ```text
//! VERSION                                  who this DataNode is, and which of its volumes this
//! scanner.cursor                           how far the background scan is
//! rbw/blk_7  blk_7_1002.meta               replicas being written
//! tmp/blk_8  blk_8_1001.meta               replicas being copied here; thrown away at a start
//! finalized/subdir0/subdir3/blk_9 …        replicas that are whole, over 32 × 32 directories
//! ```
//!
//! A replica moves by two renames, its data file first. So after a crash the place of the data file tells the replica's
//! state, and its checksum file is beside it or still in the place where it came from. A replica is deleted data
//! file first, so a checksum file without data is rubbish.

use std::collections::BTreeMap;

use node::{Disk, DiskError, DiskErrorKind};
use thiserror::Error;

use super::block_file::{BlockFile, BlockFileError};
use super::directory_scanner::OnDisk;
use super::replica_map::Replica;
use super::synced_chunk::SyncedChunk;
use crate::block::{Block, BlockId, DatanodeId, GenerationStamp, ReplicaState};

mod version;

pub use version::{Identity, join_namespace, load_or_format, load_volumes};

const VERSION_FILE: &str = "VERSION";
const LAYOUT_VERSION: u32 = 1;

/// Why a DataNode's directory cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StorageError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A replica could not be brought into order.
    #[error(transparent)]
    BlockFile(#[from] BlockFileError),
    /// The `VERSION` file is not one of ours.
    #[error("VERSION is not that of a DataNode with layout {LAYOUT_VERSION}: {0:?}")]
    BadVersion(String),
    /// The NameNode serves another file system. Its first block report would have every replica deleted.
    #[error(
        "the replicas here belong to file system {ours}, but the NameNode serves {theirs}. Start this DataNode with \
         that file system's NameNode, or with an empty directory"
    )]
    OtherNamespace {
        /// The file system that this directory belongs to.
        ours: u64,
        /// The NameNode's.
        theirs: u64,
    },
    /// Two directories are not of the same DataNode.
    #[error(
        "the directories belong to two DataNodes, {ours} and {theirs}. Give each DataNode its own"
    )]
    OtherDatanode {
        /// Whose the first of them is.
        ours: DatanodeId,
        /// Whose another one is.
        theirs: DatanodeId,
    },
    /// There is no `VERSION` file, but there are replicas.
    #[error("there are replicas but no VERSION file: is this a DataNode's directory?")]
    NoVersion,
}

/// The places where a replica can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Being copied here.
    Tmp,
    /// Being written.
    Rbw,
    /// Whole.
    Finalized,
}

impl Place {
    /// Where a replica in this state is.
    pub fn of(state: ReplicaState) -> Place {
        match state {
            ReplicaState::Temporary => Place::Tmp,
            ReplicaState::Rbw | ReplicaState::Rwr => Place::Rbw,
            ReplicaState::Finalized => Place::Finalized,
        }
    }

    /// The directory of a block.
    pub fn dir(self, id: BlockId) -> String {
        match self {
            Place::Tmp => "tmp".to_owned(),
            Place::Rbw => "rbw".to_owned(),
            Place::Finalized => {
                let (x, y) = ((id.0 >> 16) & 0x1f, (id.0 >> 8) & 0x1f);
                format!("finalized/subdir{x}/subdir{y}")
            }
        }
    }

    /// The data file of a block.
    pub fn data(self, id: BlockId) -> String {
        format!("{}/{id}", self.dir(id))
    }

    /// The checksum file of a block.
    pub fn meta(self, id: BlockId, generation: GenerationStamp) -> String {
        format!("{}/{id}_{generation}.meta", self.dir(id))
    }
}

/// Tries whether a volume that gave an error can still be used at all (`DiskChecker.checkDirWithDiskIo`): its
/// `VERSION` file is read, its directories are listed, and a small file is written, synced and removed.
///
/// # Errors
/// The disk's, where it cannot.
pub fn check_volume(disk: &mut dyn Disk) -> Result<(), DiskError> {
    const PROBE: &str = "tmp/probe";
    disk.read(VERSION_FILE)?;
    for dir in ["", "tmp", "rbw", "finalized"] {
        disk.list(dir)?;
    }
    let harmless = |result: Result<(), DiskError>| match result {
        // A full volume can be read, and that is what its replicas are for.
        Err(e) if e.kind == DiskErrorKind::Full => Ok(()),
        // Another thread tries too, and was done first.
        Err(e) if e.kind == DiskErrorKind::NotFound => Ok(()),
        result => result,
    };
    harmless(disk.write_at(PROBE, 0, b"probe"))?;
    harmless(disk.sync(PROBE))?;
    harmless(disk.remove(PROBE))
}

/// The finalised replicas that the directories hold, as far as the names and lengths of their files tell.
///
/// # Errors
/// As the disk's.
pub fn find_finalized(disk: &dyn Disk) -> Result<BTreeMap<BlockId, OnDisk>, DiskError> {
    let mut found = BTreeMap::new();
    find_all_finalized(disk, &mut found)?;
    let mut replicas = BTreeMap::new();
    for (id, found) in found {
        let generations = found.metas.iter().map(|(_, generation)| *generation);
        let len = match disk.len(&Place::Finalized.data(id)) {
            Err(e) if e.kind == DiskErrorKind::NotFound => None,
            len => Some(len?),
        };
        let generation = generations.max();
        replicas.insert(id, OnDisk { generation, len });
    }
    Ok(replicas)
}

/// What a scan found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The replicas.
    pub replicas: Vec<Replica>,
    /// Replicas that were left where they are and do not count, since their files are damaged: each with the reason.
    pub ignored: Vec<(BlockId, String)>,
}

/// The files of one block.
#[derive(Debug, Default)]
struct Found {
    data: Vec<Place>,
    metas: Vec<(Place, GenerationStamp)>,
    synced: bool,
}

/// Looks for replicas and brings into order what a crash has left: copies that were under way are removed, replicas that
/// were being written are cut to what matches its checksums and become [`ReplicaState::Rwr`].
///
/// # Errors
/// As the disk's.
pub fn scan(disk: &mut dyn Disk) -> Result<Scan, StorageError> {
    let mut scan = Scan::default();
    for (id, found) in find(disk)? {
        match settle(disk, id, &found) {
            Ok(Some(replica)) => scan.replicas.push(replica),
            Ok(None) => {}
            Err(e @ (BlockFileError::BadHeader { .. } | BlockFileError::Checksum { .. })) => {
                scan.ignored.push((id, e.to_string()));
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(scan)
}

/// Brings one replica into order; none if nothing is left of it.
fn settle(
    disk: &mut dyn Disk,
    id: BlockId,
    found: &Found,
) -> Result<Option<Replica>, BlockFileError> {
    let place = found.data.iter().copied().max().unwrap_or(Place::Tmp);
    let meta = found.metas.iter().copied();
    let meta = meta.max_by_key(|(at, generation)| (*at == place, *generation));
    let (Some((meta_place, generation)), true) = (meta, place != Place::Tmp) else {
        remove_others(disk, id, found, None)?;
        return Ok(None);
    };
    remove_others(disk, id, found, Some((place, meta_place, generation)))?;
    let (data, meta) = (place.data(id), place.meta(id, generation));
    if meta_place != place {
        disk.rename(&meta_place.meta(id, generation), &meta)?;
        disk.sync_dir(&place.dir(id))?;
        disk.sync_dir(&meta_place.dir(id))?;
    }
    let mut file = BlockFile::open(disk, &data, &meta)?;
    let state = if place == Place::Finalized {
        ReplicaState::Finalized
    } else {
        SyncedChunk::cut_to_valid(disk, id, &mut file)?;
        ReplicaState::Rwr
    };
    let len = file.len();
    Ok(Some(Replica::new(
        Block {
            id,
            generation,
            len,
        },
        state,
    )))
}

/// Removes all files of a block but those kept.
fn remove_others(
    disk: &mut dyn Disk,
    id: BlockId,
    found: &Found,
    keep: Option<(Place, Place, GenerationStamp)>,
) -> Result<(), DiskError> {
    for place in &found.data {
        if keep.is_none_or(|(data, _, _)| data != *place) {
            disk.remove(&place.data(id))?;
        }
    }
    for (place, generation) in &found.metas {
        if keep.is_none_or(|(_, at, kept)| (at, kept) != (*place, *generation)) {
            disk.remove(&place.meta(id, *generation))?;
        }
    }
    if found.synced && keep.is_none_or(|(data, _, _)| data != Place::Rbw) {
        SyncedChunk::forget(disk, id)?;
    }
    Ok(())
}

/// All files of replicas, by block.
fn find(disk: &dyn Disk) -> Result<BTreeMap<BlockId, Found>, DiskError> {
    let mut found = BTreeMap::new();
    for (dir, place) in [("tmp", Place::Tmp), ("rbw", Place::Rbw)] {
        find_in(disk, dir, place, &mut found)?;
    }
    find_all_finalized(disk, &mut found)?;
    Ok(found)
}

fn find_all_finalized(
    disk: &dyn Disk,
    found: &mut BTreeMap<BlockId, Found>,
) -> Result<(), DiskError> {
    for x in disk.list("finalized")? {
        for y in disk.list(&format!("finalized/{x}"))? {
            let dir = format!("finalized/{x}/{y}");
            find_in(disk, &dir, Place::Finalized, found)?;
        }
    }
    Ok(())
}

fn find_in(
    disk: &dyn Disk,
    dir: &str,
    place: Place,
    found: &mut BTreeMap<BlockId, Found>,
) -> Result<(), DiskError> {
    for name in disk.list(dir)? {
        // Any other file is not ours, and stays.
        let Some(rest) = name.strip_prefix("blk_") else {
            continue;
        };
        if let Ok(id) = rest.parse() {
            let id = BlockId(id);
            found.entry(id).or_default().data.push(place);
        } else if let Some(Ok(id)) = rest.strip_suffix(".synced").map(str::parse) {
            found.entry(BlockId(id)).or_default().synced = true;
        } else if let Some((id, generation)) = parse_meta(rest) {
            found.entry(id).or_default().metas.push((place, generation));
        }
    }
    Ok(())
}

fn parse_meta(rest: &str) -> Option<(BlockId, GenerationStamp)> {
    let (id, generation) = rest.strip_suffix(".meta")?.split_once('_')?;
    Some((
        BlockId(id.parse().ok()?),
        GenerationStamp(generation.parse().ok()?),
    ))
}

#[cfg(test)]
mod tests {
    use node::{MemDisk, Rng};

    use super::*;

    #[test]
    fn a_volume_is_checked_by_using_it() {
        let mut disk = MemDisk::default();
        assert!(check_volume(&mut disk).is_err(), "it was never formatted");
        load_or_format(&mut disk, &mut Rng::new(1)).unwrap();
        let before = disk.clone();
        check_volume(&mut disk).unwrap();
        assert_eq!(disk, before, "nothing is left of the probe");
    }
}
