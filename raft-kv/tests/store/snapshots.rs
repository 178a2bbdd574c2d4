//! Snapshots: the state as it was when they began, whatever happens meanwhile; and bytes that are none.

use proptest::prelude::*;
use raft_kv::store::snapshot::CHUNK_BYTES;
use raft_kv::store::{
    AlarmType, Command, KeyRange, PutRequest, RangeRequest, SnapshotError, Store, StoreError,
};

use crate::random::{Step, steps};

fn put(key: &str, value: Vec<u8>) -> Command {
    Command::Put(PutRequest {
        key: key.into(),
        value: value.into(),
        ..PutRequest::default()
    })
}

fn chunks(store: &Store) -> Vec<Vec<u8>> {
    let mut snapshot = store.begin_snapshot();
    std::iter::from_fn(|| store.next_chunk(&mut snapshot)).collect()
}

fn restored(chunks: &[Vec<u8>]) -> Result<Store, SnapshotError> {
    let mut store = Store::default();
    store.restore(&mut chunks.iter().cloned().map(Ok))?;
    Ok(store)
}

/// Large values, so that there are several chunks.
fn large() -> Store {
    let mut store = Store::default();
    for (index, key) in (1..).zip(["a", "b", "c", "a", "b"]) {
        let value = vec![key.as_bytes()[0]; CHUNK_BYTES / 2 + 1];
        store.apply(index, put(key, value)).unwrap();
    }
    let grant = Command::LeaseGrant { id: 7, ttl: 60 };
    store.apply(6, grant).unwrap();
    store
}

#[test]
fn a_snapshot_is_the_state_at_its_beginning() {
    let mut store = large();
    let before = (store.hash(), store.revision(), store.applied());
    let mut snapshot = store.begin_snapshot();
    let mut chunks = Vec::new();
    for index in 10.. {
        let Some(chunk) = store.next_chunk(&mut snapshot) else {
            break;
        };
        chunks.push(chunk);
        // All of it between two chunks: a write before and one behind the place that was reached, a compaction, and room given back.
        store.apply(5 * index, put("a", vec![1])).unwrap();
        store.apply(5 * index + 1, put("z", vec![2])).unwrap();
        let revision = store.revision();
        store
            .apply(5 * index + 2, Command::Compact(revision))
            .unwrap();
        store.apply(5 * index + 3, Command::LeaseRevoke(7)).ok();
        assert!(
            !store.scrub(usize::MAX),
            "nothing is given back while the snapshot is read"
        );
    }
    assert!(chunks.len() > 2, "{} chunks", chunks.len());
    let copy = restored(&chunks).unwrap();
    assert_eq!((copy.hash(), copy.revision(), copy.applied()), before);
    drop(snapshot);
    store.scrub(usize::MAX);
    assert_eq!(
        store.mvcc().versions(),
        4,
        "of each key the one that it had at the compaction"
    );
}

#[test]
fn what_is_cut_off_or_damaged_is_refused_and_changes_nothing() {
    let good = chunks(&large());
    let mut target = Store::default();
    target.apply(1, put("kept", vec![1])).unwrap();
    let hash = target.hash();
    let mut try_restore = |chunks: &[Vec<u8>]| {
        let result = target.restore(&mut chunks.iter().cloned().map(Ok));
        if result.is_err() {
            assert_eq!(target.hash(), hash, "a failed restore changes nothing");
        }
        result
    };
    for cut in 0..good.len() {
        let error = try_restore(&good[..cut]).unwrap_err();
        assert!(matches!(error, SnapshotError::Truncated { .. }), "{error}");
    }
    let mut swapped = good.clone();
    swapped.swap(0, 1);
    let error = try_restore(&swapped).unwrap_err();
    assert_eq!(error, SnapshotError::Damaged { chunk: 0 });
    let mut longer = good.clone();
    longer.push(good[0].clone());
    assert!(try_restore(&longer).is_err(), "something behind the end");
    let mut missing = good.clone();
    missing.remove(1);
    assert!(try_restore(&missing).is_err(), "a chunk is missing");
    let broken = [Ok(good[0].clone()), Err("the connection broke".to_owned())];
    let error = target.restore(&mut broken.into_iter()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the snapshot: the connection broke"
    );
    target.restore(&mut good.into_iter().map(Ok)).unwrap();
}

#[test]
fn alarms_and_leases_are_in_it() {
    let mut store = large();
    let alarm = Command::Alarm {
        member: 3,
        alarm: AlarmType::NoSpace,
        on: true,
    };
    store.apply(7, alarm).unwrap();
    let held = PutRequest {
        key: "held".into(),
        lease: 7,
        ..PutRequest::default()
    };
    let refused = store.apply(8, Command::Put(held.clone())).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "etcdserver: mvcc: database space exceeded"
    );
    let off = Command::Alarm {
        member: 3,
        alarm: AlarmType::NoSpace,
        on: false,
    };
    store.apply(9, off).unwrap();
    store.apply(10, Command::Put(held)).unwrap();
    let mut copy = restored(&chunks(&store)).unwrap();
    assert_eq!(copy.lease(7), store.lease(7));
    assert_eq!(copy.alarms().count(), 0);
    copy.apply(11, Command::LeaseRevoke(7)).unwrap();
    let read = RangeRequest {
        range: KeyRange::single("held"),
        ..RangeRequest::default()
    };
    assert_eq!(
        copy.range(&read).unwrap().count,
        0,
        "the key goes with its lease"
    );
}

/// A snapshot comes into the middle of a long read. Either it has all that the read is to find, or the read says that it has not.
#[test]
fn a_long_read_finds_all_or_begins_again_when_a_snapshot_comes() {
    for compacted in [None, Some(5)] {
        let (mut leader, mut follower) = (Store::default(), Store::default());
        for (index, key) in [(1, "a"), (2, "b")] {
            leader.apply(index, put(key, b"old".to_vec())).unwrap();
            follower.apply(index, put(key, b"old".to_vec())).unwrap();
        }
        let all = RangeRequest {
            range: KeyRange::prefix(""),
            ..RangeRequest::default()
        };
        let (range, hash) = (follower.range(&all).unwrap(), follower.hash_kv(0).unwrap());
        let mut scan = follower.begin_range(&all).unwrap();
        let mut hashing = follower.begin_hash(0).unwrap();
        assert_eq!(follower.step(&mut scan, 1), Ok(false));
        assert_eq!(follower.step_hash(&mut hashing, 1), Ok(false));
        for (index, key) in [(3, "a"), (4, "b")] {
            leader.apply(index, put(key, b"new".to_vec())).unwrap();
        }
        if let Some(revision) = compacted {
            leader.apply(5, Command::Compact(revision)).unwrap();
            while leader.scrub(100) {}
        }
        let mut chunks = chunks(&leader).into_iter().map(Ok);
        follower.restore(&mut chunks).unwrap();
        if compacted.is_some() {
            let gone = Err(StoreError::Compacted);
            assert_eq!(follower.step(&mut scan, 1), gone);
            assert_eq!(follower.step_hash(&mut hashing, 1), gone);
        } else {
            while !follower.step(&mut scan, 1).unwrap() {}
            while !follower.step_hash(&mut hashing, 1).unwrap() {}
            assert_eq!((scan.finish(), hashing.finish()), (range, hash));
        }
    }
}

proptest! {
    /// No bytes make it panic.
    #[test]
    fn any_bytes_are_refused(mut chunk in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..400, flip in 1u8..) {
        prop_assert!(restored(&[chunk.clone()]).is_err());
        let mut store = Store::default();
        store.apply(1, put("key", chunk.clone())).unwrap();
        chunk = chunks(&store).concat();
        let at = at % chunk.len();
        chunk[at] ^= flip;
        let _ = restored(&[chunk]);
    }

    /// A hash that is computed in steps, with writes, compactions and scrubbing between them, is that of its beginning.
    #[test]
    fn a_long_hash_does_not_move(before in steps(40), between in steps(40), pace in 1usize..4) {
        let mut store = Store::default();
        let mut index = 0;
        let mut step = |store: &mut Store, step: &Step| {
            index += 1;
            match step {
                Step::Apply(command) => { let _ = store.apply(index, command.clone()); }
                Step::Scrub(changes) => { store.scrub(*changes); }
                Step::Copy => {}
            }
        };
        before.iter().for_each(|one| step(&mut store, one));
        let expected = store.hash_kv(0).unwrap();
        let mut scan = store.begin_hash(0).unwrap();
        let mut between = between.iter();
        while !store.step_hash(&mut scan, pace).unwrap() {
            between.by_ref().take(3).for_each(|one| step(&mut store, one));
        }
        prop_assert_eq!(scan.finish(), expected);
    }

    /// Members that apply the same commands have the same hashes, wherever one of them was restored or scrubbed.
    #[test]
    fn hashes_are_equal_at_equal_revisions(steps in steps(60)) {
        let (mut plain, mut other) = (Store::default(), Store::default());
        for (index, step) in (1..).zip(&steps) {
            match step {
                Step::Apply(command) => {
                    prop_assert_eq!(plain.apply(index, command.clone()), other.apply(index, command.clone()));
                }
                Step::Scrub(changes) => { other.scrub(*changes); }
                Step::Copy => other = restored(&chunks(&other)).unwrap(),
            }
            prop_assert_eq!(plain.hash(), other.hash());
            prop_assert_eq!(plain.hash_kv(0), other.hash_kv(0));
            prop_assert_eq!(plain.hash_kv(plain.revision()), other.hash_kv(plain.revision()));
        }
    }
}
