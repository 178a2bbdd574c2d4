//! The versions of one key: what it was when, and how a put goes on.

use autograder::{Test, seeds, tests};
use node::Rng;
use raft_kv::store::history::{KeyHistory, Revision, Version};

pub(crate) const TESTS: &[Test] = tests![
    a_key_is_there_from_its_first_version_on,
    a_version_lasts_until_the_next,
    a_deleted_key_is_not_there,
    a_key_can_come_back,
    within_a_transaction_the_last_change_counts,
    a_put_begins_a_generation,
    a_put_goes_on_with_its_generation,
    a_put_after_a_deletion_begins_anew,
    a_lease_is_that_of_the_last_put,
    a_history_knows_every_moment,
];

pub(crate) fn revision(main: i64) -> Revision {
    Revision { main, sub: 0 }
}

/// A version with a value.
pub(crate) fn put(main: i64, create_revision: i64, version: i64) -> Version {
    Version {
        modified: revision(main),
        create_revision,
        version,
        lease: 0,
        value: Some(format!("v{main}").into()),
    }
}

pub(crate) fn tombstone(main: i64) -> Version {
    Version {
        modified: revision(main),
        create_revision: 0,
        version: 0,
        lease: 0,
        value: None,
    }
}

/// Written at 3 and 5, deleted at 7, written at 9.
fn history() -> KeyHistory {
    KeyHistory::from_versions(vec![put(3, 3, 1), put(5, 3, 2), tombstone(7), put(9, 9, 1)])
}

/// The revision of the version that is seen at `main`.
fn seen(history: &KeyHistory, main: i64) -> Option<i64> {
    history.at(main).map(|version| version.modified.main)
}

fn a_key_is_there_from_its_first_version_on() {
    let empty = KeyHistory::default();
    assert_eq!(seen(&empty, 5), None, "nothing was ever written");
    for (main, expected) in [(0, None), (2, None), (3, Some(3))] {
        assert_eq!(
            seen(&history(), main),
            expected,
            "first written at 3, read at {main}"
        );
    }
}

fn a_version_lasts_until_the_next() {
    for (main, expected) in [(3, 3), (4, 3), (5, 5), (6, 5)] {
        assert_eq!(
            seen(&history(), main),
            Some(expected),
            "written at 3 and at 5, read at {main}"
        );
    }
}

fn a_deleted_key_is_not_there() {
    for main in [7, 8] {
        assert_eq!(seen(&history(), main), None, "deleted at 7, read at {main}");
    }
}

fn a_key_can_come_back() {
    for main in [9, 10, i64::MAX] {
        assert_eq!(
            seen(&history(), main),
            Some(9),
            "written again at 9, read at {main}"
        );
    }
}

fn within_a_transaction_the_last_change_counts() {
    let mut versions = vec![put(4, 4, 1), put(4, 4, 2)];
    versions[1].modified.sub = 1;
    let at = KeyHistory::from_versions(versions.clone())
        .at(4)
        .map(|v| v.version);
    assert_eq!(at, Some(2), "a transaction is seen as a whole");
    versions.push(Version {
        modified: Revision { main: 4, sub: 2 },
        ..tombstone(4)
    });
    assert_eq!(
        seen(&KeyHistory::from_versions(versions), 4),
        None,
        "its last change deleted the key"
    );
}

fn last_of(mut history: KeyHistory, main: i64) -> Version {
    history.put(revision(main), format!("v{main}").as_str().into(), 0);
    history.versions().last().unwrap().clone()
}

fn a_put_begins_a_generation() {
    assert_eq!(
        last_of(KeyHistory::default(), 4),
        put(4, 4, 1),
        "the first version of a key"
    );
}

fn a_put_goes_on_with_its_generation() {
    let one = KeyHistory::from_versions(vec![put(3, 3, 1)]);
    assert_eq!(
        last_of(one, 5),
        put(5, 3, 2),
        "the second version of a key made at 3"
    );
    assert_eq!(
        last_of(history(), 12),
        put(12, 9, 2),
        "the second version since the key was made again at 9"
    );
    let compacted = KeyHistory::from_versions(vec![put(50, 3, 17)]);
    assert_eq!(
        last_of(compacted, 51),
        put(51, 3, 18),
        "the versions before the 17th have been compacted"
    );
}

fn a_put_after_a_deletion_begins_anew() {
    let deleted = KeyHistory::from_versions(vec![put(3, 3, 1), tombstone(4)]);
    assert_eq!(
        last_of(deleted, 8),
        put(8, 8, 1),
        "the key was deleted at 4"
    );
}

fn a_lease_is_that_of_the_last_put() {
    let mut history = KeyHistory::default();
    history.put(revision(2), "a".into(), 7);
    history.put(revision(3), "b".into(), 0);
    let leases: Vec<i64> = history.versions().iter().map(|v| v.lease).collect();
    assert_eq!(
        leases,
        [7, 0],
        "a put without a lease takes the key out of its lease"
    );
}

fn a_history_knows_every_moment() {
    for seed in seeds(100) {
        let mut rng = Rng::new(seed);
        let mut history = KeyHistory::default();
        // What was seen behind each revision: number of the version, and where its generation began.
        let mut moments: Vec<Option<(i64, i64)>> = vec![None];
        for main in 1..30 {
            let now = moments.last().copied().flatten();
            moments.push(match rng.below(4) {
                0 => now,
                1 => {
                    if now.is_some() {
                        history.delete(revision(main));
                    }
                    None
                }
                _ => {
                    history.put(revision(main), "v".into(), 0);
                    let (version, created) = now.unwrap_or((0, main));
                    Some((version + 1, created))
                }
            });
        }
        for (main, expected) in (0..).zip(moments) {
            let seen = history.at(main);
            assert_eq!(
                seen.map(|version| (version.version, version.create_revision)),
                expected,
                "seed {seed:#x}, at revision {main}: version and create_revision"
            );
        }
    }
}
