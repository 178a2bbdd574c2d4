//! Whether what the DataNode believes to have is what its disks hold (`DirectoryScanner`).
//!
//! The replica map is read from the disks once, at the start, and from then on DataNode and disk change together. They drift apart
//! all the same: an administrator deletes files, or puts back those that were in the wrong place; a file system check after a crash of the
//! machine takes some away. So every few hours names and lengths of all files are compared with the map. That costs little, since no
//! contents are read; what is wrong *inside* the files is the [`scanner`](super::scanner)'s to find.
//!
//! A listing is old as soon as it is made. So a difference is only a suspicion: whoever acts on one looks again at the file and at
//! the map, both at the same time.

use std::collections::BTreeMap;

use super::replica_map::{Replica, ReplicaMap};
use super::volumes::VolumeId;
use crate::block::{Block, BlockId, GenerationStamp, ReplicaState};

/// What the files of a finalised replica look like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnDisk {
    /// That of its newest checksum file; none if there is no such file.
    pub generation: Option<GenerationStamp>,
    /// The length of the data file; none if there is no such file.
    pub len: Option<u64>,
}

/// Something that the map says otherwise than the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The replica has no data file any more: to be forgotten, and reported as deleted.
    Missing(Replica),
    /// The files of a replica that is not known: to be taken up, and reported as received.
    Unknown(Block),
    /// Its checksum file is missing, or of another generation, or the data file has another length: to be
    /// reported as corrupt.
    Damaged(Replica),
}

/// Compares the finalised replicas of a volume with the files that were `found` there. Files without which there is no
/// replica -- data without checksums, or the other way round -- are nobody's, and stay.
pub fn differences(
    map: &ReplicaMap,
    volume: VolumeId,
    found: &BTreeMap<BlockId, OnDisk>,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    let finalized = map.on_volume(volume, None);
    for replica in finalized.filter(|replica| replica.state == ReplicaState::Finalized) {
        let Block {
            id,
            generation,
            len,
        } = replica.block;
        let on_disk = found.get(&id);
        match on_disk.and_then(|on_disk| Some((on_disk.len?, on_disk.generation))) {
            None => differences.push(Difference::Missing(*replica)),
            Some(there) if there != (len, Some(generation)) => {
                differences.push(Difference::Damaged(*replica));
            }
            Some(_) => {}
        }
    }
    for (id, on_disk) in found {
        if let (None, Some(generation), Some(len)) = (map.get(*id), on_disk.generation, on_disk.len)
        {
            differences.push(Difference::Unknown(Block {
                id: *id,
                generation,
                len,
            }));
        }
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_unknown_or_changed_is_told() {
        let replica = |id, len| Replica::new(Block::new(id, 1001, len), ReplicaState::Finalized);
        let elsewhere = replica(9, 10).on(VolumeId(1));
        let written = Replica::new(Block::new(8, 1001, 0), ReplicaState::Rbw);
        let known = (1..=5).map(|id| replica(id, 10));
        let map = ReplicaMap::new(known.chain([elsewhere, written]));
        let file = |generation: u64, len| OnDisk {
            generation: Some(GenerationStamp(generation)),
            len: Some(len),
        };
        let no_checksums = OnDisk {
            generation: None,
            len: Some(10),
        };
        let no_data = OnDisk {
            len: None,
            ..file(1001, 0)
        };
        let found = BTreeMap::from([
            (BlockId(1), file(1001, 10)),
            (BlockId(2), file(1001, 9)),
            (BlockId(3), no_checksums),
            (BlockId(4), no_data),
            (BlockId(6), file(1007, 60)),
            (BlockId(7), no_checksums),
            // Just being renamed into its place.
            (BlockId(8), file(1001, 10)),
        ]);
        assert_eq!(
            differences(&map, VolumeId(0), &found),
            [
                Difference::Damaged(replica(2, 10)),
                Difference::Damaged(replica(3, 10)),
                Difference::Missing(replica(4, 10)),
                Difference::Missing(replica(5, 10)),
                Difference::Unknown(Block::new(6, 1007, 60)),
            ]
        );
    }
}
