//! What may be done with a replica, and when.

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
        len_max: 100,
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

/// A seed has found it: the copy stayed for ever, and stood in the way of all that the NameNode ordered.
#[test]
fn a_writer_that_lost_its_block_to_a_recovery_has_no_pipeline_to_extend() {
    let there = Block::new(7, 1003, 100);
    let recovered = map(there, ReplicaState::Finalized);
    let asked = Block::new(7, 1002, 60);
    assert_eq!(
        recovered.to_send(asked),
        Err(ReplicaError::OtherGeneration { asked, there })
    );
    assert!(recovered.to_send(there).is_ok(), "its own last node failed");
}

#[test]
fn a_copy_for_a_pipeline_waits_to_be_taken_up() {
    let there = Block::new(7, 1002, 100);
    let source = map(there, ReplicaState::Rbw);
    // The writer has seen less acknowledged, and an older generation.
    let copy = source.to_send(Block::new(7, 1001, 60)).unwrap().block;
    assert_eq!(copy, there, "in the generation that it has, and all of it");
    let mut target = ReplicaMap::default();
    target
        .create(copy, ReplicaState::Temporary, VolumeId::default())
        .unwrap();
    assert!(target.readable(copy).is_err(), "it is under way");
    assert!(target.recover(there, GenerationStamp(1003), 60).is_err());
    target.keep_as_rbw(copy).unwrap();
    assert!(target.keep_as_rbw(copy).is_err(), "it is no copy any more");
    assert_eq!(target.readable(copy).unwrap().block, there);
    target.recover(there, GenerationStamp(1003), 60).unwrap();
    let expected = Replica {
        writing: true,
        len_max: 100,
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
    const HERE: VolumeId = VolumeId(0);
    let copy = Block::new(7, 1002, 100);
    let mut waiting = map(copy, ReplicaState::Rwr);
    assert!(waiting.create(copy, ReplicaState::Rbw, HERE).is_err());
    assert!(
        waiting
            .create(copy, ReplicaState::Temporary, HERE)
            .unwrap()
            .is_some()
    );
    assert!(
        waiting.create(copy, ReplicaState::Temporary, HERE).is_err(),
        "under way"
    );
    let mut whole = map(copy, ReplicaState::Finalized);
    assert!(whole.create(copy, ReplicaState::Temporary, HERE).is_err());
    let newer = Block::new(7, 1003, 100);
    assert!(
        whole
            .create(newer, ReplicaState::Temporary, HERE)
            .unwrap()
            .is_some()
    );
}

#[test]
fn what_a_writer_may_still_write_is_set_aside_on_its_volume() {
    const THERE: VolumeId = VolumeId(1);
    let usage = |replicas, used, reserved| VolumeUsage {
        replicas,
        used,
        reserved,
    };
    let (block, mut map) = (Block::new(7, 1001, 1000), ReplicaMap::default());
    map.create(block, ReplicaState::Rbw, THERE).unwrap();
    assert_eq!(map.usage(THERE), usage(1, 0, 1000));
    map.acknowledged(block, 300, None);
    assert_eq!(map.usage(THERE), usage(1, 300, 700));
    map.release(block);
    assert_eq!(map.usage(THERE), usage(1, 300, 0), "nobody writes it");
    map.recover(block, GenerationStamp(1002), 200).unwrap();
    assert_eq!(map.usage(THERE), usage(1, 200, 800));
    map.finalize(Block::new(7, 1002, 900)).unwrap();
    assert_eq!(map.usage(THERE), usage(1, 900, 0));
    assert_eq!(map.usage(VolumeId(0)), VolumeUsage::default());
}

#[test]
fn a_volume_goes_with_its_replicas_alone() {
    const GONE: VolumeId = VolumeId(1);
    let replica = |id| Replica::new(Block::new(id, 1001, 10), ReplicaState::Finalized);
    let mut map = ReplicaMap::new([replica(1), replica(2).on(GONE), replica(3)]);
    let written = Block::new(4, 1001, 50);
    map.create(written, ReplicaState::Rbw, GONE).unwrap();
    let gone: Vec<u64> = map
        .remove_volume(GONE)
        .iter()
        .map(|r| r.block.id.0)
        .collect();
    assert_eq!(gone, [2, 4]);
    assert_eq!((map.len(), map.usage(GONE)), (2, VolumeUsage::default()));
    assert!(map.finalize(written).is_err(), "its writer learns of it");
    map.release(written);
    assert_eq!(map.len(), 2);
}

#[test]
fn of_two_replicas_of_a_block_the_newer_one_stays() {
    let old = Replica::new(Block::new(7, 1001, 10), ReplicaState::Finalized);
    let new = Replica::new(Block::new(7, 1002, 10), ReplicaState::Finalized).on(VolumeId(1));
    let mut map = ReplicaMap::new([old]);
    assert_eq!(map.add(new), Some(old));
    assert_eq!(map.add(old), Some(old));
    assert_eq!(map.get(old.block.id), Some(&new));
}
