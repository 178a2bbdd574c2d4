//! What an error of a disk leads to: a look at the volume, and its end if it cannot be used any more.

use std::time::Instant;

use anyhow::Result;
use node::{DiskError, FileDisk};
use tracing::{error, warn};

use super::dataset::OnVolume;
use super::reading::read_ahead;
use super::{DataEvent, Shared, lock};
use crate::datanode::Replica;
use crate::datanode::block_file::Chunks;
use crate::datanode::storage::check_volume;
use crate::datanode::volumes::{Suspicion, VolumeId, suspicion};

impl Shared {
    /// Where an error came from a disk, looks whether its volume can still be used, and takes it out if not.
    pub(super) fn look_at_volume_of(&self, e: &anyhow::Error) {
        if let Some(OnVolume { volume, error }) = e.downcast_ref() {
            self.look_at_volume(*volume, error);
        }
    }

    pub(super) fn look_at_volume(&self, volume: VolumeId, error: &DiskError) {
        match suspicion(error) {
            Suspicion::None => {}
            Suspicion::Failed => self.fail_volume(volume, &error.to_string()),
            Suspicion::Check => {
                let mut disk = match self.dataset.disk(volume) {
                    Ok(disk) => disk,
                    Err(_) => return,
                };
                match check_volume(&mut disk) {
                    Ok(()) => warn!("{}: {error}; the volume can be used", disk.root().display()),
                    Err(failed) => self.fail_volume(volume, &failed.to_string()),
                }
            }
        }
    }

    /// Does something that uses the disk of a volume, and notes how long that took, if this one is to be measured.
    pub(super) fn timed<T>(&self, volume: VolumeId, work: impl FnOnce() -> T) -> T {
        if self.settings.disks.sampling_percent == 0 || !lock(&self.disks).samples() {
            return work();
        }
        let began = Instant::now();
        let done = work();
        lock(&self.disks).record(volume, began.elapsed(), self.clock.now());
        done
    }

    pub(super) fn fail_volume(&self, volume: VolumeId, reason: &str) {
        match self.dataset.fail_volume(volume, reason) {
            Ok(None) => {}
            Ok(Some(gone)) => {
                let dirs = self.dataset.volumes();
                let dir = dirs.iter().find(|status| status.id == volume);
                let dir = dir.map_or("", |status| status.volume.dir.as_str());
                error!(
                    "the volume {dir} has failed with {} replicas: {reason}",
                    gone.len()
                );
                let blocks = gone.iter().map(|replica| replica.block).collect();
                (self.on_event)(DataEvent::VolumeFailed(blocks));
            }
            Err(e) => (self.on_event)(DataEvent::TooManyVolumesFailed(e.to_string())),
        }
    }
}

/// As [`read_ahead`]; a replica that cannot be read is suspected of damage (`markSuspectBlock`), and so is its volume.
pub(super) fn read_suspecting(
    shared: &Shared,
    disk: &FileDisk,
    replica: &Replica,
    offset: u64,
    end: u64,
) -> Result<Chunks> {
    let read = shared.timed(replica.volume, || read_ahead(disk, replica, offset, end));
    read.map_err(|e| {
        let e = OnVolume::wrap(replica.volume, e);
        shared.look_at_volume_of(&e);
        shared.scan_board.suspect(replica);
        e
    })
}
