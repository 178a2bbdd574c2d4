//! Who may write which replica, among the threads of a DataNode (`FsDatasetImpl`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use anyhow::{Result, ensure};
use node::FileDisk;
use tracing::warn;

use super::{Sockets, lock};
use crate::block::{Block, BlockId, ReplicaState};
use crate::datanode::replica_map::ReplicaError;
use crate::datanode::storage::Place;
use crate::datanode::{Replica, ReplicaMap, ReplicaWriter, replica_writer};
use crate::protocol::ReportedReplica;
use crate::server::data_transfer::{Stage, WriteBlock};

/// The replicas of a DataNode. The lock is held for moments; disks are used outside it.
#[derive(Debug)]
pub(super) struct Dataset {
    disk: FileDisk,
    state: Mutex<State>,
    writer_gone: Condvar,
}

#[derive(Debug)]
struct State {
    map: ReplicaMap,
    /// The connections over which replicas are being written.
    writers: BTreeMap<BlockId, Arc<Sockets>>,
    /// Forgotten replicas whose files may still be there.
    deleting: BTreeSet<BlockId>,
}

impl Dataset {
    pub(super) fn new(disk: FileDisk, map: ReplicaMap) -> Dataset {
        let state = State {
            map,
            writers: BTreeMap::new(),
            deleting: BTreeSet::new(),
        };
        Dataset {
            disk,
            state: Mutex::new(state),
            writer_gone: Condvar::new(),
        }
    }

    /// The disk, for one thread.
    pub(super) fn disk(&self) -> FileDisk {
        self.disk.clone()
    }

    pub(super) fn report(&self) -> Vec<ReportedReplica> {
        lock(&self.state).map.report()
    }

    pub(super) fn used(&self) -> u64 {
        lock(&self.state).map.used()
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
    fn stop_writer(&self, block: Block, patience: Duration) {
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
        let mut state = lock(&self.state);
        // The files of the old replica and of a new one have the same names.
        ensure!(
            !state.deleting.contains(&id),
            "an older replica of {id} is being deleted here; try again"
        );
        let map = &mut state.map;
        let (replica, old) = match op.stage {
            Stage::Create => (ReplicaState::Rbw, map.create(op.block, ReplicaState::Rbw)?),
            Stage::Transfer | Stage::TransferRbw => {
                let old = map.create(op.block, ReplicaState::Temporary)?;
                (ReplicaState::Temporary, old)
            }
            Stage::Recovery {
                generation,
                acked_len,
            } => {
                let old = map.recover(op.block, generation, acked_len)?;
                (ReplicaState::Rbw, Some(old))
            }
        };
        state.writers.insert(id, sockets.clone());
        drop(state);

        let mut writing = Writing {
            dataset: self,
            disk: self.disk(),
            block,
            state: replica,
            writer: None,
        };
        if let Err(e) = writing.open(op, old) {
            match old {
                Some(old) if replica == ReplicaState::Rbw => writing.give_back(old),
                _ => writing.discard(),
            }
            return Err(e);
        }
        Ok(writing)
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
                let deleted = replica_writer::delete(&mut self.disk(), &replica);
                lock(&self.state).deleting.remove(&block.id);
                Ok(deleted?)
            }
            Err(ReplicaError::NotFound(_)) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

/// A replica that the caller writes. Dropped before [`Writing::finalize`], it stays as it is, to be recovered; a copy is
/// thrown away.
pub(super) struct Writing<'a> {
    dataset: &'a Dataset,
    pub(super) disk: FileDisk,
    /// In the generation that is written.
    pub(super) block: Block,
    state: ReplicaState,
    writer: Option<ReplicaWriter>,
}

impl Writing<'_> {
    fn open(&mut self, op: &WriteBlock, old: Option<Replica>) -> Result<()> {
        let disk = &mut self.disk;
        let writer = match (op.stage, old) {
            (Stage::Recovery { acked_len, .. }, Some(old)) => {
                let writer = ReplicaWriter::recover(disk, &old, self.block.generation, acked_len)?;
                let last_checksum = writer.last_checksum(disk)?;
                self.dataset
                    .acknowledged(self.block, acked_len, last_checksum);
                writer
            }
            (_, old) => {
                if let Some(old) = old {
                    replica_writer::delete(disk, &old)?;
                }
                ReplicaWriter::create(disk, self.block, Place::of(self.state))?
            }
        };
        self.writer = Some(writer);
        Ok(())
    }

    /// The writer and its disk.
    pub(super) fn parts(&mut self) -> Result<(&mut ReplicaWriter, &mut FileDisk)> {
        match &mut self.writer {
            Some(writer) => Ok((writer, &mut self.disk)),
            None => anyhow::bail!("{}: finalised already", self.block),
        }
    }

    /// The replica is whole. Returns the block.
    pub(super) fn finalize(&mut self, sync: bool) -> Result<Block> {
        let Some(writer) = self.writer.take() else {
            anyhow::bail!("{}: finalised already", self.block);
        };
        let block = writer.finalize(&mut self.disk, sync)?;
        lock(&self.dataset.state).map.finalize(block)?;
        Ok(block)
    }

    /// The copy is whole, and waits for its pipeline to take it up. Returns the block.
    pub(super) fn keep_as_rbw(&mut self) -> Result<Block> {
        let Some(writer) = self.writer.take() else {
            anyhow::bail!("{}: kept already", self.block);
        };
        let block = writer.keep_as_rbw(&mut self.disk)?;
        lock(&self.dataset.state).map.keep_as_rbw(block)?;
        Ok(block)
    }

    /// Nothing was written, and nobody will ask for it: leaves no trace.
    pub(super) fn discard(mut self) {
        self.writer = None;
        let replica = Replica::new(self.block, self.state);
        if let Err(e) = replica_writer::delete(&mut self.disk, &replica) {
            warn!("cannot remove {}: {e}", self.block);
        }
        let mut state = lock(&self.dataset.state);
        state.map.release(self.block);
        // Its only error is that it is gone.
        let _ = state.map.invalidate(self.block);
    }

    /// The replica could not be taken up again: it is what it was.
    fn give_back(self, old: Replica) {
        lock(&self.dataset.state).map.give_back(old);
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if self.state == ReplicaState::Temporary && self.writer.take().is_some() {
            let replica = Replica::new(self.block, self.state);
            if let Err(e) = replica_writer::delete(&mut self.disk, &replica) {
                warn!(
                    "cannot remove what is left of a copy of {}: {e}",
                    self.block
                );
            }
        }
        let mut state = lock(&self.dataset.state);
        state.map.release(self.block);
        state.writers.remove(&self.block.id);
        self.dataset.writer_gone.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use node::Rng;

    use super::*;
    use crate::datanode::{ReplicaMap, storage};

    #[test]
    fn no_replica_is_begun_while_the_files_of_an_older_one_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = FileDisk::open(dir.path()).unwrap();
        storage::load_or_format(&mut disk, &mut Rng::new(1)).unwrap();
        let dataset = Dataset::new(disk, ReplicaMap::new(Vec::new()));
        let block = Block::new(7, 1001, 0);
        let copy = WriteBlock {
            block,
            stage: Stage::Transfer,
            client: String::new(),
            targets: Vec::new(),
        };
        let begin = || {
            dataset.begin(
                &copy,
                &Arc::new(Sockets(Mutex::new(Some(Vec::new())))),
                Duration::ZERO,
            )
        };
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
