//! Which replicas this DataNode has, and what may be done with each (`ReplicaMap`, `FsDatasetImpl`).
//!
//! ```text
//!              create                    finalize
//!   (nothing) ───────▶ Rbw, Temporary ────────────▶ Finalized ──▶ (deleted)
//!                        ▲      │ restart              │
//!                        │      ▼                      │
//!                        └──── Rwr                     │
//!           recover, update_recovered: a new generation│
//!                        ▲─────────────────────────────┘
//! ```
//!
//! A copy for a pipeline ends as `Rbw` instead of `Finalized`, and waits for that pipeline to recover it.
//!
//! The map decides and remembers; it touches no disk. The bytes are written by a [`ReplicaWriter`](super::ReplicaWriter), one for each
//! replica at a time. So a shell can hold the map's lock for moments only, however slow a disk is.

mod recovery;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;

use thiserror::Error;

use super::pipeline_transfer::sendable;
use super::rebuild::recovered;
use super::volumes::{VolumeId, VolumeUsage};
use crate::block::{Block, BlockId, GenerationStamp, ReplicaState};
use crate::protocol::ReportedReplica;

/// What this DataNode knows of one replica (`ReplicaInfo`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The block in the generation that this replica has. Its length is what a reader may see: all of a finalised
    /// replica; of one being written, what the whole pipeline has acknowledged.
    pub block: Block,
    /// How far it is.
    pub state: ReplicaState,
    /// Somebody is writing it now. Nobody else may, until he has stopped.
    pub writing: bool,
    /// The checksum of a short last chunk up to `block.len`, while the replica is written: the one on the disk may
    /// already cover more.
    pub last_checksum: Option<u32>,
    /// The volume that its files are on.
    pub volume: VolumeId,
    /// The bytes that it may grow to. While it is written, what it lacks of them is set aside on its volume.
    pub len_max: u64,
    /// A recovery with this id is bringing it to one length with the others (`ReplicaUnderRecovery`): no writer may take it up.
    pub recovery: Option<GenerationStamp>,
}

impl Replica {
    /// A replica that nobody is writing.
    pub fn new(block: Block, state: ReplicaState) -> Replica {
        Replica {
            block,
            state,
            writing: false,
            last_checksum: None,
            volume: VolumeId::default(),
            len_max: block.len,
            recovery: None,
        }
    }

    /// The same replica, on this volume.
    #[must_use]
    pub fn on(self, volume: VolumeId) -> Replica {
        Replica { volume, ..self }
    }

    /// Bytes set aside for it beyond those that it has.
    fn reserved(&self) -> u64 {
        if self.writing {
            self.len_max.saturating_sub(self.block.len)
        } else {
            0
        }
    }

    /// Of two replicas of one block, the one of more use is greater.
    fn worth(&self) -> (GenerationStamp, bool, u64) {
        let whole = self.state == ReplicaState::Finalized;
        (self.block.generation, whole, self.block.len)
    }
}

/// Why a replica cannot be used as asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReplicaError {
    /// There is none (`ReplicaNotFoundException`).
    #[error("{0}: there is no replica of it here")]
    NotFound(BlockId),
    /// There is one already (`ReplicaAlreadyExistsException`).
    #[error("{asked}: there is a replica already, {there}, {state:?}")]
    AlreadyExists {
        /// What should be written.
        asked: Block,
        /// What is there.
        there: Block,
        /// Its state.
        state: ReplicaState,
    },
    /// The one here is of another generation.
    #[error("{asked}: the replica here is {there}, of another generation")]
    OtherGeneration {
        /// What was asked for.
        asked: Block,
        /// What is there.
        there: Block,
    },
    /// The one here has lost bytes that were acknowledged.
    #[error("{there}: the replica here has {} bytes, and {acked_len} were acknowledged", there.len)]
    TooShort {
        /// What is there.
        there: Block,
        /// Bytes that every node has acknowledged.
        acked_len: u64,
    },
    /// It cannot be read, because it is not whole.
    #[error("{0}: the replica here cannot be read, it is {1:?}")]
    NotReadable(Block, ReplicaState),
    /// Somebody is writing it.
    #[error("{0}: the replica here is being written")]
    Busy(Block),
    /// It is being recovered, under another id (`RecoveryInProgressException`).
    #[error("{0}: the replica here is being recovered as {1}")]
    UnderRecovery(Block, GenerationStamp),
}

/// All replicas of a DataNode.
#[derive(Clone, Debug, Default)]
pub struct ReplicaMap {
    replicas: BTreeMap<BlockId, Replica>,
    usage: BTreeMap<VolumeId, VolumeUsage>,
}

impl ReplicaMap {
    /// The map after a start, of what [`scan`](super::storage::scan) found.
    pub fn new(replicas: impl IntoIterator<Item = Replica>) -> ReplicaMap {
        let mut map = ReplicaMap::default();
        for replica in replicas {
            map.add(replica);
        }
        map
    }

    /// Takes up a replica that was found on a disk. Where another volume has one of the same block -- it was away while
    /// that one was made -- the one of more use stays, and the other is returned: the caller removes its files.
    pub fn add(&mut self, replica: Replica) -> Option<Replica> {
        match self.replicas.get(&replica.block.id).copied() {
            Some(there) if there.worth() >= replica.worth() => Some(replica),
            there => {
                self.insert(replica);
                there
            }
        }
    }

    /// What is known of a replica.
    pub fn get(&self, id: BlockId) -> Option<&Replica> {
        self.replicas.get(&id)
    }

    /// Bytes in all replicas (`dfsUsed`, without checksums).
    pub fn used(&self) -> u64 {
        self.usage.values().map(|usage| usage.used).sum()
    }

    /// What the replicas on one volume take up.
    pub fn usage(&self, volume: VolumeId) -> VolumeUsage {
        self.usage.get(&volume).copied().unwrap_or_default()
    }

    /// The replicas on one volume, in the order of their blocks, from the one after `after` on.
    pub fn on_volume(
        &self,
        volume: VolumeId,
        after: Option<BlockId>,
    ) -> impl Iterator<Item = &Replica> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.replicas.range((from, Bound::Unbounded));
        range
            .map(|(_, replica)| replica)
            .filter(move |replica| replica.volume == volume)
    }

    /// The first finalised replica on a volume whose block comes after `after`.
    pub fn finalized_after(&self, volume: VolumeId, after: Option<BlockId>) -> Option<Block> {
        self.on_volume(volume, after)
            .find(|replica| replica.state == ReplicaState::Finalized)
            .map(|replica| replica.block)
    }

    /// Forgets all replicas on a volume that has failed, also those that somebody is still writing. Returns them.
    pub fn remove_volume(&mut self, volume: VolumeId) -> Vec<Replica> {
        let gone: Vec<Replica> = self.on_volume(volume, None).copied().collect();
        for replica in &gone {
            self.remove(replica.block.id);
        }
        gone
    }

    /// Forgets a replica whose files are gone, if it is still as the caller saw it. Says whether it was.
    pub fn remove_lost(&mut self, lost: &Replica) -> bool {
        let there = self.replicas.get(&lost.block.id) == Some(lost);
        if there {
            self.remove(lost.block.id);
        }
        there
    }

    /// How many replicas there are.
    pub fn len(&self) -> usize {
        self.replicas.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.replicas.is_empty()
    }

    /// What a full block report says.
    pub fn report(&self) -> Vec<ReportedReplica> {
        self.replicas
            .values()
            .filter(|replica| replica.state != ReplicaState::Temporary)
            .map(|replica| ReportedReplica {
                block: replica.block,
                state: replica.state,
            })
            .collect()
    }

    /// Begins a replica on a volume: [`ReplicaState::Rbw`] for a client, [`ReplicaState::Temporary`] for a copy. The
    /// caller is its writer from now on. `block.len` says how long it may become; so much is set aside.
    ///
    /// A copy may take the place of a replica that is of no use, an older one or one that waits to be recovered; that
    /// one is returned, and the caller removes its files first.
    ///
    /// # Errors
    /// [`ReplicaError::AlreadyExists`], [`ReplicaError::Busy`].
    pub fn create(
        &mut self,
        block: Block,
        state: ReplicaState,
        volume: VolumeId,
    ) -> Result<Option<Replica>, ReplicaError> {
        let old = self.replicas.get(&block.id).copied();
        if let Some(old) = old {
            let useless = old.block.generation < block.generation
                || (old.block.generation == block.generation && old.state == ReplicaState::Rwr);
            if old.writing {
                return Err(ReplicaError::Busy(old.block));
            }
            if state != ReplicaState::Temporary || !useless {
                return Err(ReplicaError::AlreadyExists {
                    asked: block,
                    there: old.block,
                    state: old.state,
                });
            }
        }
        self.insert(Replica {
            writing: true,
            len_max: block.len,
            ..Replica::new(Block { len: 0, ..block }, state).on(volume)
        });
        Ok(old)
    }

    /// Begins to write a replica again after its pipeline broke (`recoverRbw`, `recoverAppend`): it gets a new
    /// generation, and will be cut to what every node has acknowledged. Returns the replica as it was; the caller is
    /// the writer from now on.
    ///
    /// # Errors
    /// [`ReplicaError::NotFound`]; as [`recovered`].
    pub fn recover(
        &mut self,
        block: Block,
        generation: GenerationStamp,
        acked_len: u64,
    ) -> Result<Replica, ReplicaError> {
        let old = self.existing(block.id)?;
        if let Some(id) = old.recovery {
            return Err(ReplicaError::UnderRecovery(old.block, id));
        }
        let new = recovered(&old, block, generation, acked_len)?;
        // It stays where it is, and what is set aside for it too.
        self.insert(Replica {
            volume: old.volume,
            len_max: old.len_max,
            ..new
        });
        Ok(old)
    }

    /// Recovering failed before anything was changed: the replica is again what [`ReplicaMap::recover`] returned.
    pub fn give_back(&mut self, old: Replica) {
        self.insert(old);
    }

    /// The pipeline has acknowledged the first `len` bytes: readers may see them. `last_checksum` is that of the last
    /// chunk, up to `len`. Nothing happens if the replica is not of that generation any more.
    pub fn acknowledged(&mut self, block: Block, len: u64, last_checksum: Option<u32>) {
        if let Some(mut replica) = self.current(block)
            && replica.state == ReplicaState::Rbw
            && replica.block.len <= len
        {
            replica.block.len = len;
            replica.last_checksum = last_checksum;
            self.insert(replica);
        }
    }

    /// The replica is whole and in its place, and nobody writes it any more.
    ///
    /// # Errors
    /// [`ReplicaError::NotFound`] where it was deleted meanwhile, or has another generation.
    pub fn finalize(&mut self, block: Block) -> Result<(), ReplicaError> {
        let written = self.current(block);
        let Replica { volume, .. } = written.ok_or(ReplicaError::NotFound(block.id))?;
        self.insert(Replica::new(block, ReplicaState::Finalized).on(volume));
        Ok(())
    }

    /// The replica as it may be sent to a new node of its pipeline: see [`sendable`]. One that was finalised in a newer generation
    /// than the writer's was recovered: there is no pipeline any more, and nobody would take up the copy, or delete it.
    ///
    /// # Errors
    /// [`ReplicaError::NotFound`]; [`ReplicaError::OtherGeneration`] where it was recovered; as [`sendable`].
    pub fn to_send(&self, asked: Block) -> Result<Replica, ReplicaError> {
        let replica = self.existing(asked.id)?;
        let there = replica.block;
        if replica.state == ReplicaState::Finalized && there.generation > asked.generation {
            return Err(ReplicaError::OtherGeneration { asked, there });
        }
        let block = sendable(&replica, asked)?;
        Ok(Replica { block, ..replica })
    }

    /// A copy for a pipeline is whole, and among the replicas being written: it waits for the pipeline to take it up
    /// (`convertTemporaryToRbw`).
    ///
    /// # Errors
    /// [`ReplicaError::NotFound`] where it was deleted meanwhile.
    pub fn keep_as_rbw(&mut self, block: Block) -> Result<(), ReplicaError> {
        let copy = (self.current(block))
            .filter(|replica| replica.state == ReplicaState::Temporary)
            .ok_or(ReplicaError::NotFound(block.id))?;
        self.insert(Replica::new(block, ReplicaState::Rbw).on(copy.volume));
        Ok(())
    }

    /// The writer has stopped before the end. A copy that was under way is forgotten; its files are the
    /// caller's to remove.
    pub fn release(&mut self, block: Block) {
        match self.current(block) {
            Some(replica) if replica.state == ReplicaState::Temporary => self.remove(block.id),
            Some(replica) => self.insert(Replica {
                writing: false,
                ..replica
            }),
            None => {}
        }
    }

    /// Forgets a replica of this generation or an older one, on the NameNode's word. Returns it; the caller removes its
    /// files, and then reports the deletion.
    ///
    /// # Errors
    /// [`ReplicaError::NotFound`], [`ReplicaError::OtherGeneration`], [`ReplicaError::Busy`].
    pub fn invalidate(&mut self, block: Block) -> Result<Replica, ReplicaError> {
        let replica = self.existing(block.id)?;
        if replica.block.generation > block.generation {
            return Err(ReplicaError::OtherGeneration {
                asked: block,
                there: replica.block,
            });
        }
        if replica.writing {
            return Err(ReplicaError::Busy(replica.block));
        }
        self.remove(block.id);
        Ok(replica)
    }

    /// The replica for a reader of this generation of the block. A newer one is as good: while a pipeline is being rebuilt
    /// the NameNode does not know of it yet, and it has all that was acknowledged. An older one is not.
    ///
    /// # Errors
    /// [`ReplicaError::NotFound`], [`ReplicaError::OtherGeneration`], [`ReplicaError::NotReadable`].
    pub fn readable(&self, block: Block) -> Result<Replica, ReplicaError> {
        let replica = self.existing(block.id)?;
        match replica.state {
            ReplicaState::Temporary => Err(ReplicaError::NotFound(block.id)),
            _ if replica.block.generation < block.generation => {
                Err(ReplicaError::OtherGeneration {
                    asked: block,
                    there: replica.block,
                })
            }
            ReplicaState::Rwr => Err(ReplicaError::NotReadable(replica.block, replica.state)),
            ReplicaState::Rbw | ReplicaState::Finalized => Ok(replica),
        }
    }

    fn existing(&self, id: BlockId) -> Result<Replica, ReplicaError> {
        let replica = self.replicas.get(&id).copied();
        replica.ok_or(ReplicaError::NotFound(id))
    }

    fn current(&self, block: Block) -> Option<Replica> {
        let replica = self.replicas.get(&block.id).copied();
        replica.filter(|replica| replica.block.generation == block.generation)
    }

    fn insert(&mut self, replica: Replica) {
        self.remove(replica.block.id);
        let usage = self.usage.entry(replica.volume).or_default();
        usage.replicas += 1;
        usage.used += replica.block.len;
        usage.reserved += replica.reserved();
        self.replicas.insert(replica.block.id, replica);
    }

    fn remove(&mut self, id: BlockId) {
        if let Some(old) = self.replicas.remove(&id) {
            let usage = self.usage.entry(old.volume).or_default();
            usage.replicas -= 1;
            usage.used -= old.block.len;
            usage.reserved -= old.reserved();
        }
    }
}
