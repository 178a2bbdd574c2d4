//! The volumes of a DataNode: what room each has, and what is left when one of them fails (`FsVolumeList`, `FsVolumeImpl`).
//!
//! A machine has a dozen disks, and one of them dies every few weeks. A DataNode that died with it would take the replicas
//! on the other eleven along; so each disk is a volume of its own, with an identity of its own, and a failed one is taken out: its
//! replicas are reported as gone, the NameNode has them copied elsewhere, and the others go on. Only when more have failed than the
//! operator tolerates (`dfs.datanode.failed.volumes.tolerated`) the DataNode ends, so that somebody looks.
//!
//! A full disk is no failed one. It refuses new replicas, and every byte on it can be read.

use std::fmt::{self, Display};

use node::{DiskError, DiskErrorKind};
use thiserror::Error;

use crate::block::StorageId;

/// A volume by its place in the list of directories. It names a volume during one life of the process;
/// [`StorageId`] does for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct VolumeId(pub u16);

/// What the replicas on a volume take up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeUsage {
    /// How many there are.
    pub replicas: usize,
    /// Bytes that they have, without checksums.
    pub used: u64,
    /// Bytes that those being written may still grow by (`reservedForReplicas`).
    pub reserved: u64,
}

/// What the operating system says of the file system that a volume is on, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Its size.
    pub size: u64,
    /// What ordinary users may still write.
    pub free: u64,
}

/// Capacity, and what is left of it, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// What replicas may use in all.
    pub capacity: u64,
    /// What they use.
    pub used: u64,
    /// What a new replica may use.
    pub remaining: u64,
}

/// One directory, on a disk of its own if the operator is wise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name for ever; none if it failed before that could be read.
    pub storage: Option<StorageId>,
    /// The directory, for people.
    pub dir: String,
    /// As if the file system had this size; none for the size that it has.
    pub size: Option<u64>,
    /// Bytes of the file system that replicas do not touch (`dfs.datanode.du.reserved`).
    pub du_reserved: u64,
    /// Why it has been taken out.
    pub failed: Option<String>,
}

impl Volume {
    /// What room the volume has. `measured` is none where the file system cannot be asked. A failed volume has none.
    pub fn figures(&self, usage: VolumeUsage, measured: Option<FileSystem>) -> Figures {
        if self.failed.is_some() {
            return Figures::default();
        }
        let measured_size = measured.map_or(0, |file_system| file_system.size);
        let size = self.size.unwrap_or(measured_size);
        let free = measured.map_or(size, |file_system| file_system.free);
        let capacity = size.saturating_sub(self.du_reserved);
        let unused = capacity.saturating_sub(usage.used);
        let writable = free.saturating_sub(self.du_reserved);
        Figures {
            capacity,
            used: usage.used,
            remaining: unused.min(writable).saturating_sub(usage.reserved),
        }
    }
}

/// More volumes have failed than are tolerated: the DataNode ends.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct TooManyFailedVolumes {
    /// How many there are in all.
    pub volumes: usize,
    /// `dfs.datanode.failed.volumes.tolerated`.
    pub tolerated: usize,
    /// Directory and reason of each that has failed.
    pub failed: Vec<(String, String)>,
}

impl Display for TooManyFailedVolumes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failed, volumes, tolerated) = (self.failed.len(), self.volumes, self.tolerated);
        write!(
            f,
            "{failed} of {volumes} volumes have failed, and dfs.datanode.failed.volumes.tolerated is {tolerated}. \
             Replace the disks or leave their directories out, then start the DataNode again."
        )?;
        for (dir, reason) in &self.failed {
            write!(f, " {dir}: {reason}.")?;
        }
        Ok(())
    }
}

/// All volumes of a DataNode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeList {
    volumes: Vec<Volume>,
    tolerated: usize,
}

impl VolumeList {
    /// Begins with these; some may have failed already. So many failures are `tolerated`.
    ///
    /// # Errors
    /// [`TooManyFailedVolumes`], also where not a single one is left.
    pub fn new(volumes: Vec<Volume>, tolerated: usize) -> Result<VolumeList, TooManyFailedVolumes> {
        let list = VolumeList { volumes, tolerated };
        list.check()?;
        Ok(list)
    }

    /// The volumes with their ids, failed ones included.
    pub fn iter(&self) -> impl Iterator<Item = (VolumeId, &Volume)> {
        (0..).map(VolumeId).zip(&self.volumes)
    }

    /// One of them.
    pub fn get(&self, id: VolumeId) -> Option<&Volume> {
        self.volumes.get(usize::from(id.0))
    }

    /// Takes a volume out. Says whether it was there until now.
    ///
    /// # Errors
    /// [`TooManyFailedVolumes`] when this was one too many.
    pub fn fail(&mut self, id: VolumeId, reason: &str) -> Result<bool, TooManyFailedVolumes> {
        let volume = self.volumes.get_mut(usize::from(id.0));
        let Some(volume) = volume.filter(|volume| volume.failed.is_none()) else {
            return Ok(false);
        };
        volume.failed = Some(reason.to_owned());
        self.check()?;
        Ok(true)
    }

    fn check(&self) -> Result<(), TooManyFailedVolumes> {
        let reason = |volume: &Volume| Some((volume.dir.clone(), volume.failed.clone()?));
        let failed: Vec<(String, String)> = self.volumes.iter().filter_map(reason).collect();
        if failed.len() > self.tolerated || failed.len() == self.volumes.len() {
            return Err(TooManyFailedVolumes {
                volumes: self.volumes.len(),
                tolerated: self.tolerated,
                failed,
            });
        }
        Ok(())
    }
}

/// What an error of a disk says about the volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// Nothing: the volume is full, or a file is not there.
    None,
    /// It may have failed: try whether it can still be used (`checkDiskError`).
    Check,
    /// It has failed. After a failed sync nobody knows which of the bytes written so far are on the disk, and the next sync
    /// may report success for bytes that are lost (Rebello et al., "Can Applications Recover from fsync Failures?", ATC
    /// 2020). So it is not tried again.
    Failed,
}

/// What to think of a volume whose disk gave this error.
pub fn suspicion(error: &DiskError) -> Suspicion {
    match &error.kind {
        DiskErrorKind::NotFound | DiskErrorKind::Full | DiskErrorKind::Crashed => Suspicion::None,
        DiskErrorKind::Io(_) if error.operation == "sync" => Suspicion::Failed,
        DiskErrorKind::Io(_) => Suspicion::Check,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(dir: &str) -> Volume {
        Volume {
            storage: None,
            dir: dir.to_owned(),
            size: None,
            du_reserved: 10,
            failed: None,
        }
    }

    #[test]
    fn room_is_what_nobody_else_has_been_promised() {
        let usage = VolumeUsage {
            replicas: 2,
            used: 30,
            reserved: 20,
        };
        let room = |size, free| volume("a").figures(usage, Some(FileSystem { size, free }));
        let figures = |capacity, remaining| Figures {
            capacity,
            used: 30,
            remaining,
        };
        assert_eq!(room(200, 150), figures(190, 120));
        assert_eq!(room(200, 45), figures(190, 15), "others fill the disk too");
        assert_eq!(room(200, 5), figures(190, 0));
        let mut small = volume("a");
        small.size = Some(100);
        let large = Some(FileSystem {
            size: 5000,
            free: 4000,
        });
        let figures = figures(90, 40);
        assert_eq!(small.figures(usage, large), figures, "100 in all");
        assert_eq!(small.figures(usage, None), figures);
        small.failed = Some("gone".into());
        assert_eq!(small.figures(usage, None), Figures::default());
    }

    #[test]
    fn failures_are_tolerated_up_to_a_number() {
        let three = vec![volume("a"), volume("b"), volume("c")];
        let mut list = VolumeList::new(three, 1).unwrap();
        assert_eq!(list.fail(VolumeId(1), "I/O error"), Ok(true));
        assert_eq!(list.fail(VolumeId(1), "I/O error"), Ok(false), "known");
        let refused = list.fail(VolumeId(0), "not a directory").unwrap_err();
        let message = refused.to_string();
        assert!(message.contains("2 of 3 volumes"), "{message}");
        assert!(
            message.ends_with("a: not a directory. b: I/O error."),
            "{message}"
        );
        let mut only = volume("a");
        only.failed = Some("gone".into());
        assert!(VolumeList::new(vec![only], 5).is_err(), "none is left");
    }

    #[test]
    fn full_is_not_failed_and_a_sync_is_never_tried_again() {
        let of = |operation, kind| suspicion(&DiskError::new(operation, "f", kind));
        let io = || DiskErrorKind::Io("Input/output error".into());
        assert_eq!(of("write", DiskErrorKind::Full), Suspicion::None);
        assert_eq!(of("sync", DiskErrorKind::Full), Suspicion::None);
        assert_eq!(of("read", DiskErrorKind::NotFound), Suspicion::None);
        assert_eq!(of("write", io()), Suspicion::Check);
        assert_eq!(of("list", io()), Suspicion::Check);
        assert_eq!(of("sync", io()), Suspicion::Failed);
    }
}
