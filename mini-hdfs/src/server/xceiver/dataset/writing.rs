//! A replica while somebody writes it.

use anyhow::Result;
use node::FileDisk;
use tracing::warn;

use super::super::lock;
use super::Dataset;
use crate::block::{Block, ReplicaState};
use crate::datanode::storage::Place;
use crate::datanode::volumes::VolumeId;
use crate::datanode::{Replica, ReplicaWriter, replica_writer};
use crate::server::data_transfer::{Stage, WriteBlock};

/// A replica that the caller writes. Dropped before [`Writing::finalize`], it stays as it is, to be recovered; a copy is
/// thrown away.
pub(in crate::server::xceiver) struct Writing<'a> {
    dataset: &'a Dataset,
    pub(in crate::server::xceiver) disk: FileDisk,
    pub(in crate::server::xceiver) volume: VolumeId,
    /// In the generation that is written.
    pub(in crate::server::xceiver) block: Block,
    state: ReplicaState,
    writer: Option<ReplicaWriter>,
}

impl<'a> Writing<'a> {
    pub(super) fn new(
        dataset: &'a Dataset,
        disk: FileDisk,
        volume: VolumeId,
        block: Block,
        state: ReplicaState,
    ) -> Writing<'a> {
        Writing {
            dataset,
            disk,
            volume,
            block,
            state,
            writer: None,
        }
    }

    pub(super) fn open(&mut self, op: &WriteBlock, old: Option<Replica>) -> Result<()> {
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
                    replica_writer::delete(&mut self.dataset.disk(old.volume)?, &old)?;
                }
                ReplicaWriter::create(disk, self.block, Place::of(self.state))?
            }
        };
        self.writer = Some(writer);
        Ok(())
    }

    /// The writer and its disk.
    pub(in crate::server::xceiver) fn parts(
        &mut self,
    ) -> Result<(&mut ReplicaWriter, &mut FileDisk)> {
        match &mut self.writer {
            Some(writer) => Ok((writer, &mut self.disk)),
            None => anyhow::bail!("{}: finalised already", self.block),
        }
    }

    /// The replica is whole. Returns the block.
    pub(in crate::server::xceiver) fn finalize(&mut self, sync: bool) -> Result<Block> {
        let Some(writer) = self.writer.take() else {
            anyhow::bail!("{}: finalised already", self.block);
        };
        let block = writer.finalize(&mut self.disk, sync)?;
        lock(&self.dataset.state).map.finalize(block)?;
        Ok(block)
    }

    /// The copy is whole, and waits for its pipeline to take it up. Returns the block.
    pub(in crate::server::xceiver) fn keep_as_rbw(&mut self) -> Result<Block> {
        let Some(writer) = self.writer.take() else {
            anyhow::bail!("{}: kept already", self.block);
        };
        let block = writer.keep_as_rbw(&mut self.disk)?;
        lock(&self.dataset.state).map.keep_as_rbw(block)?;
        Ok(block)
    }

    /// Nothing was written, and nobody will ask for it: leaves no trace.
    pub(in crate::server::xceiver) fn discard(mut self) {
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
    pub(super) fn give_back(self, old: Replica) {
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
