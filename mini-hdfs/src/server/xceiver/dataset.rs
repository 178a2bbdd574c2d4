//! Who may write which replica, among the threads of a DataNode (`FsDatasetImpl`).

mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use node::{Disk, DiskError, FileDisk, Rng};
use servers::lifetime::random_seed;

use super::connection::Sockets;
use super::{DataEvent, lock};
use crate::block::{Block, BlockId, GenerationStamp, ReplicaState};
use crate::datanode::block_file::BlockFileError;
use crate::datanode::directory_scanner::Difference;
use crate::datanode::replica_map::ReplicaError;
use crate::datanode::storage::Place;
use crate::datanode::volume_choice::{ChoosingPolicy, Room, VolumeChooser};
use crate::datanode::volumes::{FileSystem, TooManyFailedVolumes, VolumeId, VolumeList};
use crate::datanode::{Replica, ReplicaMap, ReplicaWriter, replica_writer};
use crate::protocol::{BlockEvent, ReportedReplica};
use crate::server::data_transfer::{Stage, WriteBlock};
use crate::server::volumes::{self, OpenVolumes, VolumeStatus};

pub(super) use writing::Writing;

/// An error, and the volume to look at on its account.
#[derive(Debug)]
pub(super) struct OnVolume {
    pub(super) volume: VolumeId,
    pub(super) error: DiskError,
}

impl std::fmt::Display for OnVolume {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for OnVolume {}

impl OnVolume {
    /// Notes in an error of a disk which volume it came from; leaves others as they are.
    pub(super) fn wrap(volume: VolumeId, e: anyhow::Error) -> anyhow::Error {
        let of_file = match e.downcast_ref() {
            Some(BlockFileError::Disk(error)) => Some(error),
            _ => e.downcast_ref::<DiskError>(),
        };
        match of_file.cloned() {
            Some(error) => OnVolume { volume, error }.into(),
            None => e,
        }
    }
}

/// The replicas of a DataNode. The lock is held for moments; disks are used outside it.
#[derive(Debug)]
pub(super) struct Dataset {
    /// One for each volume; none where it could not be opened.
    disks: Vec<Option<FileDisk>>,
    /// No other process uses the directories while these are held.
    locks: Mutex<Vec<File>>,
    state: Mutex<State>,
    writer_gone: Condvar,
}

#[derive(Debug)]
struct State {
    map: ReplicaMap,
    volumes: VolumeList,
    chooser: VolumeChooser,
    rng: Rng,
    /// The connections over which replicas are being written.
    writers: BTreeMap<BlockId, Arc<Sockets>>,
    /// Forgotten replicas whose files may still be there.
    deleting: BTreeSet<BlockId>,
}

impl Dataset {
    pub(super) fn new(opened: OpenVolumes, policy: ChoosingPolicy) -> Dataset {
        let state = State {
            map: opened.map,
            volumes: opened.volumes,
            chooser: VolumeChooser::new(policy),
            rng: Rng::new(random_seed()),
            writers: BTreeMap::new(),
            deleting: BTreeSet::new(),
        };
        Dataset {
            disks: opened.disks,
            locks: Mutex::new(opened.locks),
            state: Mutex::new(state),
            writer_gone: Condvar::new(),
        }
    }

    /// The disk of a volume, for one thread.
    pub(super) fn disk(&self, volume: VolumeId) -> Result<FileDisk> {
        let disk = self.disks.get(usize::from(volume.0)).cloned().flatten();
        disk.context("the volume has failed")
    }

    /// Each volume with what room it has, and what its replicas take up.
    pub(super) fn volumes(&self) -> Vec<VolumeStatus> {
        // Outside the lock: a disk in trouble may take its time.
        let measured: Vec<Option<FileSystem>> = self.measure();
        let state = lock(&self.state);
        let volumes = state.volumes.iter().zip(measured);
        volumes
            .map(|((id, volume), measured)| {
                let usage = state.map.usage(id);
                VolumeStatus {
                    id,
                    volume: volume.clone(),
                    usage,
                    figures: volume.figures(usage, measured),
                }
            })
            .collect()
    }

    fn measure(&self) -> Vec<Option<FileSystem>> {
        let disks = self.disks.iter();
        disks
            .map(|disk| volumes::measure(disk.as_ref()?).ok())
            .collect()
    }

    /// Chooses the volume for a new replica that may grow to `len` bytes.
    fn choose_volume(&self, len: u64) -> Result<VolumeId> {
        let well = |status: VolumeStatus| {
            let room = Room {
                volume: status.id,
                remaining: status.figures.remaining,
            };
            status.volume.failed.is_none().then_some(room)
        };
        let rooms: Vec<Room> = self.volumes().into_iter().filter_map(well).collect();
        let mut state = lock(&self.state);
        let State { chooser, rng, .. } = &mut *state;
        Ok(chooser.choose(&rooms, len, rng)?)
    }

    /// Takes a volume out. Returns the replicas that went with it, or nothing where it was out already.
    ///
    /// # Errors
    /// When more volumes have failed than are tolerated.
    pub(super) fn fail_volume(
        &self,
        volume: VolumeId,
        reason: &str,
    ) -> Result<Option<Vec<Replica>>, TooManyFailedVolumes> {
        let mut state = lock(&self.state);
        if !state.volumes.fail(volume, reason)? {
            return Ok(None);
        }
        let gone = state.map.remove_volume(volume);
        for replica in &gone {
            if let Some(writer) = state.writers.get(&replica.block.id) {
                writer.close();
            }
        }
        Ok(Some(gone))
    }

    /// Nothing is written any more: another process may use the directories.
    pub(super) fn unlock(&self) {
        lock(&self.locks).clear();
    }

    /// Whether a volume has not failed.
    pub(super) fn is_well(&self, volume: VolumeId) -> bool {
        let state = lock(&self.state);
        let volume = state.volumes.get(volume);
        volume.is_some_and(|volume| volume.failed.is_none())
    }

    /// Lets `look` see the replicas.
    pub(super) fn with_map<T>(&self, look: impl FnOnce(&ReplicaMap) -> T) -> T {
        look(&lock(&self.state).map)
    }

    /// Acts on a difference between the map and the disk, if it is still there. Returns what is to be reported.
    pub(super) fn reconcile(&self, volume: VolumeId, difference: Difference) -> Option<DataEvent> {
        let disk = self.disk(volume).ok()?;
        let mut state = lock(&self.state);
        let data = |block: Block| disk.exists(&Place::Finalized.data(block.id));
        match difference {
            Difference::Missing(replica) => {
                let gone = !data(replica.block) && state.map.remove_lost(&replica);
                gone.then_some(DataEvent::Replica(BlockEvent::Deleted(replica.block)))
            }
            Difference::Unknown(block) => {
                let free = state.map.get(block.id).is_none() && !state.deleting.contains(&block.id);
                let replica = Replica::new(block, ReplicaState::Finalized).on(volume);
                // What was left out at the start since it is damaged stays left out.
                let found = free && replica_writer::check(&disk, &replica).is_ok();
                found.then(|| {
                    state.map.add(replica);
                    DataEvent::Replica(BlockEvent::Received(block))
                })
            }
            Difference::Damaged(replica) => {
                let same = state.map.get(replica.block.id) == Some(&replica);
                same.then_some(DataEvent::Corrupt(replica.block))
            }
        }
    }

    pub(super) fn report(&self) -> Vec<ReportedReplica> {
        lock(&self.state).map.report()
    }

    /// The replica for a reader.
    pub(super) fn readable(&self, block: Block) -> Result<Replica> {
        Ok(lock(&self.state).map.readable(block)?)
    }

    /// The replica as it may be sent to another node of its pipeline.
    pub(super) fn to_send(&self, block: Block) -> Result<Replica> {
        Ok(lock(&self.state).map.to_send(block)?)
    }

    /// The pipeline has acknowledged the replica up to `len`.
    pub(super) fn acknowledged(&self, block: Block, len: u64, last_checksum: Option<u32>) {
        let mut state = lock(&self.state);
        state.map.acknowledged(block, len, last_checksum);
    }

    /// Ends whoever writes a replica of this generation of the block or an older one, and waits until he is gone, for so
    /// long at most.
    pub(super) fn stop_writer(&self, block: Block, patience: Duration) {
        let (state, id) = (lock(&self.state), block.id);
        let replica = state.map.get(id);
        if replica.is_none_or(|replica| replica.block.generation > block.generation) {
            return;
        }
        if let Some(writer) = state.writers.get(&id) {
            writer.close();
        }
        // If he is still there afterwards, the map refuses.
        let _ = self
            .writer_gone
            .wait_timeout_while(state, patience, |state| state.writers.contains_key(&id));
    }

    /// Makes the caller, whose connection uses `sockets`, the writer of the replica that `op` asks for.
    pub(super) fn begin(
        &self,
        op: &WriteBlock,
        sockets: &Arc<Sockets>,
        patience: Duration,
    ) -> Result<Writing<'_>> {
        let id = op.block.id;
        let generation = match op.stage {
            Stage::Recovery { generation, .. } => generation,
            Stage::Create | Stage::Transfer | Stage::TransferRbw => op.block.generation,
        };
        let block = Block {
            generation,
            ..op.block
        };
        if matches!(op.stage, Stage::Recovery { .. }) {
            // The old pipeline's connection may not have noticed yet that it is broken.
            self.stop_writer(block, patience);
        }
        let chosen = match op.stage {
            Stage::Recovery { .. } => VolumeId::default(),
            Stage::Create | Stage::Transfer | Stage::TransferRbw => {
                self.choose_volume(op.block.len)?
            }
        };
        let mut state = lock(&self.state);
        // The files of the old replica and of a new one have the same names.
        ensure!(
            !state.deleting.contains(&id),
            "an older replica of {id} is being deleted here; try again"
        );
        let chosen_volume = state.volumes.get(chosen);
        let failed = chosen_volume.is_none_or(|volume| volume.failed.is_some());
        ensure!(
            !failed || matches!(op.stage, Stage::Recovery { .. }),
            "a volume has just failed; try again"
        );
        let (replica, old) = admit(&mut state.map, op, chosen)?;
        let volume = match (op.stage, old) {
            (Stage::Recovery { .. }, Some(old)) => old.volume,
            _ => chosen,
        };
        state.writers.insert(id, sockets.clone());
        drop(state);

        let block = Block { len: 0, ..block };
        let mut writing = Writing::new(self, self.disk(volume)?, volume, block, replica);
        if let Err(e) = writing.open(op, old) {
            let e = OnVolume::wrap(volume, e);
            match old {
                Some(old) if replica == ReplicaState::Rbw => writing.give_back(old),
                _ => writing.discard(),
            }
            return Err(e);
        }
        Ok(writing)
    }

    /// What a recovery wants to know: the replica with its good bytes, and its state. Its writer is stopped, and nobody else may write it.
    pub(super) fn init_recovery(
        &self,
        id: BlockId,
        recovery_id: GenerationStamp,
        patience: Duration,
    ) -> Result<Option<(Block, ReplicaState)>> {
        let upto = Block {
            id,
            generation: recovery_id,
            len: 0,
        };
        self.stop_writer(upto, patience);
        let replica = lock(&self.state).map.init_recovery(id, recovery_id)?;
        let Some(replica) = replica else {
            return Ok(None);
        };
        let disk = self.disk(replica.volume)?;
        let len = replica_writer::recoverable_len(&disk, &replica)?;
        Ok(len.map(|len| {
            let block = Block {
                len,
                ..replica.block
            };
            (block, replica.state)
        }))
    }

    /// The recovery has chosen the replica: it is cut to `len` bytes, gets the recovery's id as its generation, and is on the disk, finalised,
    /// when this returns.
    pub(super) fn update_recovered(
        &self,
        id: BlockId,
        recovery_id: GenerationStamp,
        len: u64,
    ) -> Result<Block> {
        let map = |state: &mut State| state.map.update_recovered(id, recovery_id, len);
        let old = map(&mut lock(&self.state))?;
        let written = self.disk(old.volume).and_then(|mut disk| {
            let writer = ReplicaWriter::recover(&mut disk, &old, recovery_id, len)?;
            Ok(writer.finalize(&mut disk, true)?)
        });
        let mut state = lock(&self.state);
        match written {
            Ok(block) => {
                state.map.finalize(block)?;
                Ok(block)
            }
            Err(e) => {
                state.map.give_back(old);
                Err(OnVolume::wrap(old.volume, e))
            }
        }
    }

    /// Forgets a replica of this generation or an older one: from now on no report lists it. Its files are still there,
    /// for [`Dataset::delete_forgotten`], and until that is done no other replica of the block can be begun.
    pub(super) fn forget(&self, block: Block) -> Result<Replica, ReplicaError> {
        let mut state = lock(&self.state);
        let replica = state.map.invalidate(block)?;
        state.deleting.insert(block.id);
        Ok(replica)
    }

    /// Removes what [`Dataset::forget`] gave. Where it could not since somebody writes the replica, stops the writer first.
    /// If there is no replica, that is as good.
    pub(super) fn delete_forgotten(
        &self,
        block: Block,
        mut forgotten: Result<Replica, ReplicaError>,
        patience: Duration,
    ) -> Result<()> {
        if let Err(ReplicaError::Busy(_)) = forgotten {
            self.stop_writer(block, patience);
            forgotten = self.forget(block);
        }
        match forgotten {
            Ok(replica) => {
                let deleted = self.disk(replica.volume).and_then(|mut disk| {
                    replica_writer::delete(&mut disk, &replica)
                        .map_err(|e| OnVolume::wrap(replica.volume, e.into()))
                });
                lock(&self.state).deleting.remove(&block.id);
                deleted
            }
            Err(ReplicaError::NotFound(_)) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

/// The map's word on what `op` asks for: in which state the replica is written, and which one was there before.
fn admit(
    map: &mut ReplicaMap,
    op: &WriteBlock,
    chosen: VolumeId,
) -> Result<(ReplicaState, Option<Replica>), ReplicaError> {
    match op.stage {
        Stage::Create => {
            let old = map.create(op.block, ReplicaState::Rbw, chosen)?;
            Ok((ReplicaState::Rbw, old))
        }
        Stage::Transfer | Stage::TransferRbw => {
            let old = map.create(op.block, ReplicaState::Temporary, chosen)?;
            Ok((ReplicaState::Temporary, old))
        }
        Stage::Recovery {
            generation,
            acked_len,
        } => {
            let old = map.recover(op.block, generation, acked_len)?;
            Ok((ReplicaState::Rbw, Some(old)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::volumes::VolumeSettings;

    #[test]
    fn no_replica_is_begun_while_the_files_of_an_older_one_go() {
        let dir = tempfile::tempdir().unwrap();
        let opened = volumes::open(&[dir.path().to_owned()], &VolumeSettings::default());
        let dataset = Dataset::new(opened.unwrap(), ChoosingPolicy::default());
        let block = Block::new(7, 1001, 0);
        let copy = WriteBlock {
            block,
            stage: Stage::Transfer,
            client: String::new(),
            targets: Vec::new(),
        };
        let begin = || dataset.begin(&copy, &Arc::new(Sockets::default()), Duration::ZERO);
        let mut writing = begin().unwrap();
        writing.finalize(true).unwrap();
        drop(writing);

        let forgotten = dataset.forget(block);
        assert!(forgotten.is_ok() && dataset.report().is_empty());
        let refusal = begin().map(|_| ()).unwrap_err().to_string();
        assert!(refusal.contains("is being deleted"), "{refusal}");
        dataset
            .delete_forgotten(block, forgotten, Duration::ZERO)
            .unwrap();
        assert!(begin().is_ok());
    }
}
