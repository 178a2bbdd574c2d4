//! What a compaction makes obsolete, what it may not, and what nobody may ask for afterwards.

use autograder::{Test, seeds, tests};
use node::Rng;
use raft_kv::store::StoreError;
use raft_kv::store::history::{KeyHistory, Version};
use raft_kv::store::mvcc::Mvcc;

use crate::mvcc::{put, tombstone};

pub(crate) const TESTS: &[Test] = tests![
    what_a_key_was_at_the_compaction_stays,
    what_changed_at_the_compaction_stays,
    a_tombstone_goes_with_what_it_deleted,
    a_tombstone_of_the_compaction_stays_for_watchers,
    what_came_later_stays,
    a_transaction_at_the_compaction_stays_whole,
    a_compaction_is_remembered,
    the_past_and_the_future_cannot_be_compacted,
    room_is_given_back,
    no_reader_misses_anything,
];

/// Written at 3 and 5, deleted at 7, written at 9 and 11.
fn versions() -> Vec<Version> {
    vec![
        put(3, 3, 1),
        put(5, 3, 2),
        tombstone(7),
        put(9, 9, 1),
        put(11, 9, 2),
    ]
}

#[track_caller]
fn check(versions: &[Version], compacted: i64, expected: usize, why: &str) {
    let history = KeyHistory::from_versions(versions.to_vec());
    assert_eq!(
        history.obsolete(compacted),
        expected,
        "how many versions go with a compaction at {compacted}: {why}"
    );
}

fn what_a_key_was_at_the_compaction_stays() {
    check(&versions(), 4, 0, "at 4 the key has the version of 3");
    check(&versions(), 6, 1, "at 6 the key has the version of 5");
    check(&versions(), 10, 3, "at 10 the key has the version of 9");
    check(
        &versions(),
        99,
        4,
        "the last version is what the key is today",
    );
}

fn what_changed_at_the_compaction_stays() {
    check(&versions(), 5, 1, "at 5 the key has the version of 5");
    check(&versions(), 9, 3, "at 9 the key has the version of 9");
    check(&versions(), 3, 0, "there is nothing before");
}

fn a_tombstone_goes_with_what_it_deleted() {
    check(&versions(), 8, 3, "at 8 the key is not there");
    check(
        &versions()[..3],
        8,
        3,
        "at 8 the key is not there, nor later",
    );
}

fn a_tombstone_of_the_compaction_stays_for_watchers() {
    check(
        &versions()[..3],
        7,
        2,
        "who watches from 7 on hears of the deletion, and reads nothing before it",
    );
}

fn what_came_later_stays() {
    check(&versions(), 2, 0, "everything came later");
    check(&[], 9, 0, "there is nothing");
    check(&[put(20, 20, 1)], 9, 0, "the key was made later");
}

fn a_transaction_at_the_compaction_stays_whole() {
    let mut versions = vec![put(3, 3, 1), put(5, 3, 2), tombstone(5), put(8, 8, 1)];
    versions[2].modified.sub = 1;
    check(
        &versions,
        5,
        1,
        "who watches from 5 on hears of both changes of 5",
    );
}

/// A store at revision 11 with the one key.
fn store() -> Mvcc {
    let history = KeyHistory::from_versions(versions());
    Mvcc::from_versions(11, -1, vec![("k".into(), history)])
}

fn a_compaction_is_remembered() {
    let mut mvcc = store();
    assert_eq!(mvcc.compact(5), Ok(()), "5 is in the past");
    assert_eq!(mvcc.compacted(), 5, "the last compaction");
    assert_eq!(mvcc.compact(11), Ok(()), "11 is the last revision");
    assert_eq!(mvcc.compacted(), 11, "the last compaction");
    assert_eq!(mvcc.revision(), 11, "a compaction is no change");
}

fn the_past_and_the_future_cannot_be_compacted() {
    let mut mvcc = store();
    assert_eq!(
        mvcc.compact(12),
        Err(StoreError::FutureRevision),
        "the last revision is 11"
    );
    mvcc.compact(5).unwrap();
    for revision in [5, 4, 0, -7] {
        assert_eq!(
            mvcc.compact(revision),
            Err(StoreError::Compacted),
            "compacted at 5 before, and now at {revision}"
        );
    }
    assert_eq!(mvcc.compacted(), 5, "what fails changes nothing");
}

fn room_is_given_back() {
    let mut mvcc = store();
    let before = mvcc.bytes();
    mvcc.compact(8).unwrap();
    while mvcc.scrub(1) {}
    assert_eq!(mvcc.versions(), 2, "the versions of 9 and 11 are left");
    assert!(
        mvcc.bytes() < before,
        "{} bytes of {before} are left",
        mvcc.bytes()
    );
    let deleted = KeyHistory::from_versions(vec![put(3, 3, 1), tombstone(4)]);
    let mut mvcc = Mvcc::from_versions(5, -1, vec![("k".into(), deleted)]);
    mvcc.compact(5).unwrap();
    while mvcc.scrub(10) {}
    assert_eq!(
        (mvcc.versions(), mvcc.bytes()),
        (0, 0),
        "the key was deleted before"
    );
}

/// What the key is at a revision, found by looking at each version in turn.
fn at(versions: &[Version], main: i64) -> Option<i64> {
    let mut upto = versions.iter().filter(|v| v.modified.main <= main);
    let last = upto.next_back()?;
    last.value.as_ref().map(|_| last.modified.main)
}

fn no_reader_misses_anything() {
    for seed in seeds(200) {
        let mut rng = Rng::new(seed);
        let (mut versions, mut main, mut there) = (Vec::new(), 1, false);
        for _ in 0..rng.below(12) {
            main += 1 + i64::try_from(rng.below(3)).unwrap();
            let deletes = there && rng.below(3) == 0;
            versions.push(if deletes {
                tombstone(main)
            } else {
                put(main, 1, 1)
            });
            there = !deletes;
        }
        for compacted in 0..=main + 1 {
            let count = KeyHistory::from_versions(versions.clone()).obsolete(compacted);
            assert!(
                count <= versions.len(),
                "seed {seed:#x}: {count} of {}",
                versions.len()
            );
            let left = &versions[count..];
            for read in compacted..=main + 1 {
                assert_eq!(
                    at(left, read),
                    at(&versions, read),
                    "seed {seed:#x}, compacted at {compacted}, read at {read}: {versions:?}"
                );
            }
            let changes = |versions: &[Version]| {
                versions
                    .iter()
                    .filter(|v| v.modified.main >= compacted)
                    .count()
            };
            assert_eq!(
                changes(left),
                changes(&versions),
                "seed {seed:#x}, compacted at {compacted}: changes that a watcher may ask for"
            );
            // And no more than that: one version from before, if the key was there.
            let before = left.len() - changes(left);
            let needed = at(&versions, compacted).is_some_and(|main| main < compacted);
            assert_eq!(
                before,
                usize::from(needed),
                "seed {seed:#x}, compacted at {compacted}: versions from before it: {versions:?}"
            );
        }
    }
}
