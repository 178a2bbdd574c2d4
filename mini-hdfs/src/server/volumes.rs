//! The directories of a DataNode: opened and locked at a start, measured, tried when there is trouble.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use node::{Disk, DiskError, FileDisk, Rng};
use servers::lifetime;
use tracing::warn;

use super::LOCK_FILE;
use crate::block::DatanodeId;
use crate::datanode::storage::{self, Identity};
use crate::datanode::volumes::{Figures, FileSystem, Volume, VolumeId, VolumeList, VolumeUsage};
use crate::datanode::{ReplicaMap, replica_writer};

/// What a DataNode can be told of its volumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeSettings {
    /// So many may fail (`dfs.datanode.failed.volumes.tolerated`).
    pub failures_tolerated: usize,
    /// Bytes on each that replicas leave free (`dfs.datanode.du.reserved`).
    pub du_reserved: u64,
    /// Bytes that replicas may use on all together; none for what the file systems have.
    pub capacity: Option<u64>,
}

/// What a volume is, and what room it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeStatus {
    /// Which one.
    pub id: VolumeId,
    /// Its directory, its storage id, why it failed.
    pub volume: Volume,
    /// What its replicas take up.
    pub usage: VolumeUsage,
    /// What room it has.
    pub figures: Figures,
}

/// Volumes that are ready to be used. By place: the first is [`VolumeId`] 0.
#[derive(Debug)]
pub struct OpenVolumes {
    /// The DataNode that they belong to.
    pub id: DatanodeId,
    /// What `VERSION` says; none where the volume has failed.
    pub identities: Vec<Option<Identity>>,
    /// Their disks; none where the volume has failed.
    pub disks: Vec<Option<FileDisk>>,
    /// All of them.
    pub volumes: VolumeList,
    /// The replicas on them.
    pub map: ReplicaMap,
    /// No other process uses them while these are held.
    pub locks: Vec<File>,
}

/// Opens the directories of a DataNode, and formats those that are empty. One that cannot be used counts as a failed
/// volume.
///
/// # Errors
/// When more have failed than are tolerated, when another process uses one, or when one is not of this
/// DataNode.
pub fn open(dirs: &[PathBuf], settings: &VolumeSettings) -> Result<OpenVolumes> {
    let mut rng = Rng::new(lifetime::random_seed());
    let (mut disks, mut failures, mut locks) = (Vec::new(), Vec::new(), Vec::new());
    for (i, dir) in dirs.iter().enumerate() {
        let shown = dir.display();
        if dirs[..i].contains(dir) {
            bail!("{shown} is given twice as a directory of replicas");
        }
        let opened = lifetime::try_lock(dir, LOCK_FILE).map_err(|e| e.to_string());
        let opened = opened.and_then(|lock| {
            let disk = FileDisk::open(dir).map_err(|e| e.to_string())?;
            Ok((lock, disk))
        });
        match opened {
            Ok((Some(lock), disk)) => {
                locks.push(lock);
                disks.push(Some(disk));
                failures.push(None);
            }
            Ok((None, _)) => bail!("{shown} is in use by another process"),
            Err(reason) => {
                disks.push(None);
                failures.push(Some(reason));
            }
        }
    }
    let identities = identify(dirs, &mut disks, &mut failures, &mut rng)?;
    let map = find_replicas(&mut disks, &mut failures)?;
    let share = settings.capacity.map(|all| all / dirs.len().max(1) as u64);
    let parts = dirs.iter().zip(failures).zip(&identities);
    let volume = |((dir, failed), identity): ((&PathBuf, Option<String>), &Option<Identity>)| {
        if let Some(reason) = &failed {
            warn!("the volume {} cannot be used: {reason}", dir.display());
        }
        Volume {
            storage: identity.map(|identity| identity.storage),
            dir: dir.display().to_string(),
            size: share,
            du_reserved: settings.du_reserved,
            failed,
        }
    };
    let volumes = VolumeList::new(parts.map(volume).collect(), settings.failures_tolerated)?;
    let known = identities.iter().flatten().next();
    let id = known.context("no directory was named")?.id;
    Ok(OpenVolumes {
        id,
        identities,
        disks,
        volumes,
        map,
        locks,
    })
}

/// Reads or writes each volume's `VERSION`.
fn identify(
    dirs: &[PathBuf],
    disks: &mut [Option<FileDisk>],
    failures: &mut [Option<String>],
    rng: &mut Rng,
) -> Result<Vec<Option<Identity>>> {
    let mut there: Vec<&mut dyn Disk> = disks
        .iter_mut()
        .flatten()
        .map(|disk| disk as &mut dyn Disk)
        .collect();
    let loaded = storage::load_volumes(&mut there, rng);
    let names: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
    let mut loaded = loaded
        .with_context(|| format!("cannot use {}", names.join(",")))?
        .into_iter();
    let mut identities = Vec::new();
    for (disk, failure) in disks.iter_mut().zip(failures) {
        let identity: Option<Result<Identity, DiskError>> =
            disk.as_ref().and_then(|_| loaded.next());
        identities.push(match identity {
            Some(Ok(identity)) => Some(identity),
            Some(Err(e)) => {
                *failure = Some(e.to_string());
                *disk = None;
                None
            }
            None => None,
        });
    }
    Ok(identities)
}

/// All replicas on all volumes.
fn find_replicas(
    disks: &mut [Option<FileDisk>],
    failures: &mut [Option<String>],
) -> Result<ReplicaMap> {
    let (mut map, mut duplicates) = (ReplicaMap::default(), Vec::new());
    for ((volume, disk), failure) in (0..).map(VolumeId).zip(disks.iter_mut()).zip(failures) {
        let Some(opened) = disk else { continue };
        let scan = match storage::scan(opened) {
            Ok(scan) => scan,
            Err(e) => {
                *failure = Some(e.to_string());
                *disk = None;
                continue;
            }
        };
        for (block, reason) in &scan.ignored {
            warn!("{block} does not count: {reason}");
        }
        let found = scan.replicas.into_iter().map(|replica| replica.on(volume));
        duplicates.extend(found.filter_map(|replica| map.add(replica)));
    }
    for duplicate in duplicates {
        let disk = disks.get_mut(usize::from(duplicate.volume.0));
        if let Some(disk) = disk.and_then(Option::as_mut) {
            warn!(
                "{}: another volume has a replica too; this one is deleted",
                duplicate.block
            );
            replica_writer::delete(disk, &duplicate)?;
        }
    }
    Ok(map)
}

/// Size and free bytes of the file system that holds a disk's directory.
///
/// # Errors
/// When it cannot be asked.
#[cfg(unix)]
pub(super) fn measure(disk: &FileDisk) -> io::Result<FileSystem> {
    let stat = rustix::fs::statvfs(disk.root())?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    let left = disk.faults().and_then(|faults| faults.get().full);
    Ok(FileSystem {
        size: bytes(stat.f_blocks),
        free: bytes(stat.f_bavail).min(left.unwrap_or(u64::MAX)),
    })
}

#[cfg(not(unix))]
pub(super) fn measure(_disk: &FileDisk) -> io::Result<FileSystem> {
    Err(io::ErrorKind::Unsupported.into())
}
