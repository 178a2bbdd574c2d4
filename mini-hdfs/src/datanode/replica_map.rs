//! Which replicas this DataNode has, and what may be done with each (`ReplicaMap`, `FsDatasetImpl`).
//!
//! ```text
//!              create                    finalize
//!   (nothing) ───────▶ Rbw, Temporary ────────────▶ Finalized ──▶ (deleted)
//!                        ▲      │ restart              │
//!                        │      ▼                      │
//!                        └──── Rwr                     │
//!                 recover: a new generation            │
//!                        ▲─────────────────────────────┘
//! ```
//!
//! A copy for a pipeline ends as `Rbw` instead of `Finalized`, and waits for that pipeline to recover it.
//!
//! The map decides and remembers; it touches no disk. The bytes are written by a [`ReplicaWriter`](super::ReplicaWriter), one for each
//! replica at a time. So a shell can hold the map's lock for moments only, however slow a disk is.

use std::collections::BTreeMap;

use thiserror::Error;

use super::pipeline_transfer::sendable;
use super::rebuild::recovered;
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
}

impl Replica {
    /// A replica that nobody is writing.
    pub fn new(block: Block, state: ReplicaState) -> Replica {
        Replica {
            block,
            state,
            writing: false,
            last_checksum: None,
        }
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
}

/// All replicas of a DataNode.
#[derive(Clone, Debug, Default)]
pub struct ReplicaMap {
    replicas: BTreeMap<BlockId, Replica>,
    /// Sum of the lengths.
    used: u64,
}

impl ReplicaMap {
    /// The map after a start, of what [`scan`](super::storage::scan) found.
    pub fn new(replicas: impl IntoIterator<Item = Replica>) -> ReplicaMap {
        let mut map = ReplicaMap::default();
        for replica in replicas {
            map.insert(replica);
        }
        map
    }

    /// What is known of a replica.
    pub fn get(&self, id: BlockId) -> Option<&Replica> {
        self.replicas.get(&id)
    }

    /// Bytes in all replicas (`dfsUsed`, without checksums).
    pub fn used(&self) -> u64 {
        self.used
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

    /// Begins a replica: [`ReplicaState::Rbw`] for a client, [`ReplicaState::Temporary`] for a copy. The caller is its
    /// writer from now on.
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
            ..Replica::new(Block { len: 0, ..block }, state)
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
        self.insert(recovered(&old, block, generation, acked_len)?);
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
        self.current(block)
            .ok_or(ReplicaError::NotFound(block.id))?;
        self.insert(Replica::new(block, ReplicaState::Finalized));
        Ok(())
    }

    /// The replica as it may be sent to a new node of its pipeline: see [`sendable`].
    ///
    /// # Errors
    /// [`ReplicaError::NotFound`]; as [`sendable`].
    pub fn to_send(&self, asked: Block) -> Result<Replica, ReplicaError> {
        let replica = self.existing(asked.id)?;
        let block = sendable(&replica, asked)?;
        Ok(Replica { block, ..replica })
    }

    /// A copy for a pipeline is whole, and among the replicas being written: it waits for the pipeline to take it up
    /// (`convertTemporaryToRbw`).
    ///
    /// # Errors
    /// [`ReplicaError::NotFound`] where it was deleted meanwhile.
    pub fn keep_as_rbw(&mut self, block: Block) -> Result<(), ReplicaError> {
        self.current(block)
            .filter(|replica| replica.state == ReplicaState::Temporary)
            .ok_or(ReplicaError::NotFound(block.id))?;
        self.insert(Replica::new(block, ReplicaState::Rbw));
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
        self.used += replica.block.len;
        self.replicas.insert(replica.block.id, replica);
    }

    fn remove(&mut self, id: BlockId) {
        if let Some(old) = self.replicas.remove(&id) {
            self.used -= old.block.len;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(block: Block, state: ReplicaState) -> ReplicaMap {
        ReplicaMap::new([Replica::new(block, state)])
    }

    #[test]
    fn a_replica_of_an_older_generation_is_not_served_and_one_of_a_newer_is() {
        let block = Block::new(7, 1002, 100);
        let map = map(block, ReplicaState::Finalized);
        let asked = Block::new(7, 1003, 100);
        let there = block;
        let refused = Err(ReplicaError::OtherGeneration { asked, there });
        assert_eq!(map.readable(asked), refused);
        for asked in [1001, 1002] {
            let served = map.readable(Block::new(7, asked, 100)).unwrap();
            assert_eq!(served.block, block);
        }
        let copying = self::map(block, ReplicaState::Temporary);
        assert_eq!(
            copying.readable(block),
            Err(ReplicaError::NotFound(block.id))
        );
        assert_eq!(copying.report(), []);
    }

    #[test]
    fn recovery_takes_what_is_neither_old_nor_short() {
        let there = Block::new(7, 1002, 100);
        let recover = |asked: u64, generation, acked_len| {
            let mut map = map(there, ReplicaState::Rwr);
            let asked = Block::new(7, asked, 0);
            let recovered = map.recover(asked, GenerationStamp(generation), acked_len);
            recovered.map(|_| map.get(there.id).copied())
        };
        let rbw = Replica {
            writing: true,
            ..Replica::new(Block::new(7, 1003, 60), ReplicaState::Rbw)
        };
        assert_eq!(recover(1002, 1003, 60), Ok(Some(rbw)));
        assert_eq!(
            recover(1001, 1003, 60),
            Ok(Some(rbw)),
            "a rebuilding that failed half-way"
        );
        let other = |refused| matches!(refused, Err(ReplicaError::OtherGeneration { .. }));
        assert!(other(recover(1003, 1004, 60)), "it missed generation 1003");
        assert!(
            other(recover(1002, 1002, 60)),
            "it is in that generation already"
        );
        let acked_len = 101;
        assert_eq!(
            recover(1002, 1003, 101),
            Err(ReplicaError::TooShort { there, acked_len })
        );
    }

    #[test]
    fn a_copy_for_a_pipeline_waits_to_be_taken_up() {
        let there = Block::new(7, 1002, 100);
        let source = map(there, ReplicaState::Rbw);
        // The writer has seen less acknowledged, and an older generation.
        let copy = source.to_send(Block::new(7, 1001, 60)).unwrap().block;
        assert_eq!(copy, there, "in the generation that it has, and all of it");
        let mut target = ReplicaMap::default();
        target.create(copy, ReplicaState::Temporary).unwrap();
        assert!(target.readable(copy).is_err(), "it is under way");
        assert!(target.recover(there, GenerationStamp(1003), 60).is_err());
        target.keep_as_rbw(copy).unwrap();
        assert!(target.keep_as_rbw(copy).is_err(), "it is no copy any more");
        assert_eq!(target.readable(copy).unwrap().block, there);
        target.recover(there, GenerationStamp(1003), 60).unwrap();
        let expected = Replica {
            writing: true,
            ..Replica::new(Block::new(7, 1003, 60), ReplicaState::Rbw)
        };
        assert_eq!(target.get(there.id), Some(&expected));
    }

    #[test]
    fn only_what_was_meant_is_deleted() {
        let block = Block::new(7, 1002, 100);
        let mut map = map(block, ReplicaState::Finalized);
        assert!(
            map.invalidate(Block::new(7, 1001, 100)).is_err(),
            "a newer one came meanwhile"
        );
        assert_eq!((map.len(), map.used()), (1, 100));
        map.recover(block, GenerationStamp(1003), 50).unwrap();
        let newer = Block::new(7, 1003, 0);
        assert!(map.invalidate(newer).is_err(), "it is being written");
        map.release(newer);
        assert_eq!(map.invalidate(newer).unwrap().block.len, 50);
        assert_eq!((map.len(), map.used()), (0, 0));
    }

    #[test]
    fn a_copy_replaces_only_what_is_of_no_use() {
        let copy = Block::new(7, 1002, 100);
        let mut waiting = map(copy, ReplicaState::Rwr);
        assert!(waiting.create(copy, ReplicaState::Rbw).is_err());
        assert!(
            waiting
                .create(copy, ReplicaState::Temporary)
                .unwrap()
                .is_some()
        );
        assert!(
            waiting.create(copy, ReplicaState::Temporary).is_err(),
            "under way"
        );
        let mut whole = map(copy, ReplicaState::Finalized);
        assert!(whole.create(copy, ReplicaState::Temporary).is_err());
        let newer = Block::new(7, 1003, 100);
        assert!(
            whole
                .create(newer, ReplicaState::Temporary)
                .unwrap()
                .is_some()
        );
    }
}
