//! A replica whose block is being recovered (`ReplicaUnderRecovery`): who may touch it.

use super::{Replica, ReplicaError, ReplicaMap};
use crate::block::{Block, BlockId, GenerationStamp, ReplicaState};

impl ReplicaMap {
    /// The block's writer is gone, and a recovery of this id wants to know what is here: from now on nobody may write the replica, and no
    /// recovery of a lower id may touch it. None where there is nothing to recover (`initReplicaRecovery`).
    ///
    /// # Errors
    /// [`ReplicaError::Busy`] while its writer has not stopped; [`ReplicaError::UnderRecovery`] where a later recovery was here first;
    /// [`ReplicaError::OtherGeneration`] where the replica has this recovery, or a later one, behind it.
    pub fn init_recovery(
        &mut self,
        id: BlockId,
        recovery_id: GenerationStamp,
    ) -> Result<Option<Replica>, ReplicaError> {
        let there = self.replicas.get(&id).copied();
        let Some(replica) = there.filter(|there| there.state != ReplicaState::Temporary) else {
            return Ok(None);
        };
        let there = replica.block;
        if replica.writing {
            return Err(ReplicaError::Busy(there));
        }
        if there.generation >= recovery_id {
            let generation = recovery_id;
            let asked = Block {
                generation,
                ..there
            };
            return Err(ReplicaError::OtherGeneration { asked, there });
        }
        if let Some(other) = replica.recovery.filter(|other| *other > recovery_id) {
            return Err(ReplicaError::UnderRecovery(there, other));
        }
        let replica = Replica {
            recovery: Some(recovery_id),
            ..replica
        };
        self.insert(replica);
        Ok(Some(replica))
    }

    /// The recovery has chosen this replica: it will have `len` bytes and the recovery's id as its generation. Returns the replica as it
    /// was; the caller is the writer until it calls [`ReplicaMap::finalize`] (`updateReplicaUnderRecovery`).
    ///
    /// # Errors
    /// [`ReplicaError::NotFound`], [`ReplicaError::Busy`]; [`ReplicaError::UnderRecovery`] where a later recovery has asked since;
    /// [`ReplicaError::OtherGeneration`] where none has asked, or its word was lost in a restart.
    pub fn update_recovered(
        &mut self,
        id: BlockId,
        recovery_id: GenerationStamp,
        len: u64,
    ) -> Result<Replica, ReplicaError> {
        let old = self.existing(id)?;
        let there = old.block;
        let block = Block {
            id,
            generation: recovery_id,
            len,
        };
        match old.recovery {
            Some(asked) if asked == recovery_id => {}
            Some(later) => return Err(ReplicaError::UnderRecovery(there, later)),
            None => {
                return Err(ReplicaError::OtherGeneration {
                    asked: block,
                    there,
                });
            }
        }
        if old.writing {
            return Err(ReplicaError::Busy(there));
        }
        self.insert(Replica {
            writing: true,
            recovery: Some(recovery_id),
            volume: old.volume,
            ..Replica::new(block, ReplicaState::Rbw)
        });
        Ok(old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_under_recovery_has_no_writer_and_obeys_the_latest_recovery() {
        let there = Block::new(7, 1002, 100);
        let mut map = ReplicaMap::new([Replica::new(there, ReplicaState::Rbw)]);
        let (id, [first, second]) = (there.id, [1003, 1005].map(GenerationStamp));
        assert!(
            map.init_recovery(id, GenerationStamp(1002)).is_err(),
            "it has that already"
        );
        assert_eq!(map.init_recovery(BlockId(8), first), Ok(None));
        let found = map.init_recovery(id, first).unwrap().unwrap();
        assert_eq!((found.block, found.state), (there, ReplicaState::Rbw));
        let writer = map.recover(there, GenerationStamp(1004), 50);
        assert_eq!(
            writer,
            Err(ReplicaError::UnderRecovery(there, first)),
            "the old writer"
        );

        map.init_recovery(id, second).unwrap();
        let superseded = ReplicaError::UnderRecovery(there, second);
        assert_eq!(map.init_recovery(id, first).unwrap_err(), superseded);
        let late = map.update_recovered(id, first, 80);
        assert_eq!(late.unwrap_err(), superseded);
        map.update_recovered(id, second, 80).unwrap();
        assert!(map.update_recovered(id, second, 80).is_err(), "under way");
        let recovered = Block::new(7, 1005, 80);
        map.finalize(recovered).unwrap();
        let whole = Replica::new(recovered, ReplicaState::Finalized);
        assert_eq!(map.get(id), Some(&whole));
        assert!(map.update_recovered(id, second, 80).is_err(), "done");
        assert!(map.recover(there, GenerationStamp(1004), 50).is_err());
    }
}
