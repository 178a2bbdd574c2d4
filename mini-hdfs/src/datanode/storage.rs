//! Where things are in a DataNode's directory, and what is found there at a start (`BlockPoolSlice`, `DatanodeUtil`).
//!
//! ```text
//! VERSION                                  who this DataNode is
//! rbw/blk_7  blk_7_1002.meta               replicas being written
//! tmp/blk_8  blk_8_1001.meta               replicas being copied here; thrown away at a start
//! finalized/subdir0/subdir3/blk_9 …        replicas that are whole, over 32 × 32 directories
//! ```
//!
//! A replica moves by two renames, its data file first. So after a crash the place of the data file tells the replica's
//! state, and its checksum file is beside it or still in the place where it came from. A replica is deleted data
//! file first, so a checksum file without data is rubbish.

use std::collections::BTreeMap;

use node::{Disk, DiskError, Rng};
use thiserror::Error;

use super::block_file::{BlockFile, BlockFileError};
use super::replica_map::Replica;
use super::synced_chunk::SyncedChunk;
use crate::atomic_file::write_whole;
use crate::block::{Block, BlockId, DatanodeId, GenerationStamp, ReplicaState};

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

/// Who a DataNode is, as its `VERSION` file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its name for ever.
    pub id: DatanodeId,
    /// The file system that its replicas belong to (`namespaceID`); none before it first registered.
    pub namespace_id: Option<u64>,
}

/// Reads who this DataNode is; in an empty directory, draws and writes it.
///
/// # Errors
/// When the directory is not a DataNode's, or the disk refuses.
pub fn load_or_format(disk: &mut dyn Disk, rng: &mut Rng) -> Result<Identity, StorageError> {
    if disk.exists(VERSION_FILE) {
        let text = String::from_utf8_lossy(&disk.read(VERSION_FILE)?).into_owned();
        return parse_version(&text).ok_or(StorageError::BadVersion(text));
    }
    if !find(disk)?.is_empty() {
        return Err(StorageError::NoVersion);
    }
    let identity = Identity {
        id: DatanodeId(rng.next_u64()),
        namespace_id: None,
    };
    write_version(&identity, disk)?;
    Ok(identity)
}

/// Takes note of the file system whose NameNode has accepted this DataNode. From then on the directory belongs to it.
///
/// # Errors
/// [`StorageError::OtherNamespace`] when it belongs to another one already; the disk's.
pub fn join_namespace(
    identity: &mut Identity,
    namespace_id: u64,
    disk: &mut dyn Disk,
) -> Result<(), StorageError> {
    match identity.namespace_id {
        Some(ours) if ours == namespace_id => Ok(()),
        Some(ours) => Err(StorageError::OtherNamespace {
            ours,
            theirs: namespace_id,
        }),
        None => {
            identity.namespace_id = Some(namespace_id);
            Ok(write_version(identity, disk)?)
        }
    }
}

fn write_version(identity: &Identity, disk: &mut dyn Disk) -> Result<(), DiskError> {
    let Identity { id, namespace_id } = identity;
    let mut text = format!("layoutVersion={LAYOUT_VERSION}\ndatanodeUuid={id}\n");
    if let Some(namespace_id) = namespace_id {
        text += &format!("namespaceID={namespace_id}\n");
    }
    write_whole(VERSION_FILE, disk, &|file, disk| {
        disk.write_at(file, 0, text.as_bytes())
    })
}

fn parse_version(text: &str) -> Option<Identity> {
    let mut lines = text.lines();
    let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix('=');
    if value("layoutVersion")? != LAYOUT_VERSION.to_string() {
        return None;
    }
    let id = u64::from_str_radix(value("datanodeUuid")?, 16).ok()?;
    let namespace_id = match lines.next() {
        Some(line) => Some(line.strip_prefix("namespaceID=")?.parse().ok()?),
        None => None,
    };
    Some(Identity {
        id: DatanodeId(id),
        namespace_id,
    })
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
    for x in disk.list("finalized")? {
        for y in disk.list(&format!("finalized/{x}"))? {
            let dir = format!("finalized/{x}/{y}");
            find_in(disk, &dir, Place::Finalized, &mut found)?;
        }
    }
    Ok(found)
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
    use node::MemDisk;

    use super::*;

    #[test]
    fn a_directory_belongs_to_the_first_file_system_that_took_it() {
        let (mut disk, mut rng) = (MemDisk::default(), Rng::new(1));
        let mut identity = load_or_format(&mut disk, &mut rng).unwrap();
        assert_eq!(identity.namespace_id, None);
        join_namespace(&mut identity, 7, &mut disk).unwrap();
        let mut again = load_or_format(&mut disk, &mut rng).unwrap();
        assert_eq!(again, identity, "as it was before the restart");
        join_namespace(&mut again, 7, &mut disk).unwrap();
        let refusal = join_namespace(&mut again, 8, &mut disk).unwrap_err();
        assert_eq!(refusal, StorageError::OtherNamespace { ours: 7, theirs: 8 });

        disk.files
            .insert(VERSION_FILE.into(), b"layoutVersion=9\n".to_vec());
        let refusal = load_or_format(&mut disk, &mut rng).unwrap_err();
        assert!(matches!(refusal, StorageError::BadVersion(_)), "{refusal}");
    }
}
