//! Watching from a past revision: all that happened, in order, and never half of a transaction.

use autograder::{Test, seeds, tests};
use node::Rng;
use raft_kv::store::history::{KeyHistory, Revision, Version};
use raft_kv::store::mvcc::Mvcc;
use raft_kv::store::{Bytes, Event, EventKind, KeyRange, StoreError};

use crate::mvcc::{put, tombstone};

pub(crate) const TESTS: &[Test] = tests![
    everything_is_heard_in_order,
    from_a_revision_on,
    of_the_watched_keys_alone,
    a_single_key,
    an_event_says_what_was_before,
    what_is_compacted_is_an_error,
    a_page_ends_between_revisions,
    the_next_page_goes_on,
    the_future_is_waited_for,
    pages_together_are_all_that_happened,
];

/// `a` made at 2, written at 5; `b` made at 3, deleted at 5; `c` made at 5 and at 6 written again. 5 was one transaction.
fn store(compacted: i64) -> Mvcc {
    let sub = |sub, version: Version| Version {
        modified: Revision {
            sub,
            ..version.modified
        },
        ..version
    };
    let keys = vec![
        ("a", vec![put(2, 2, 1), sub(0, put(5, 2, 2))]),
        ("b", vec![put(3, 3, 1), sub(1, tombstone(5))]),
        ("c", vec![sub(2, put(5, 5, 1)), put(6, 5, 2)]),
    ];
    let keys = keys
        .into_iter()
        .map(|(key, versions)| (key.into(), KeyHistory::from_versions(versions)));
    Mvcc::from_versions(6, compacted, keys.collect())
}

fn all() -> KeyRange {
    KeyRange::prefix("")
}

fn told(events: &[Event]) -> String {
    let one = |event: &Event| {
        let kind = match event.kind {
            EventKind::Put => "put",
            EventKind::Delete => "delete",
        };
        format!(
            "{kind} {} @{}",
            event.kv.key.escape_ascii(),
            event.kv.mod_revision
        )
    };
    events.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[track_caller]
fn check(range: &KeyRange, from: i64, expected: &str) {
    let page = store(-1).events_since(range, from, 100).unwrap();
    assert_eq!(
        told(&page.events),
        expected,
        "what {range:?} hears from {from} on"
    );
    assert_eq!(page.next, 7, "all is heard, and the store is at 6");
}

fn everything_is_heard_in_order() {
    check(
        &all(),
        1,
        "put a @2, put b @3, put a @5, delete b @5, put c @5, put c @6",
    );
}

fn from_a_revision_on() {
    check(
        &all(),
        3,
        "put b @3, put a @5, delete b @5, put c @5, put c @6",
    );
    check(&all(), 4, "put a @5, delete b @5, put c @5, put c @6");
    check(&all(), 6, "put c @6");
}

fn of_the_watched_keys_alone() {
    check(&KeyRange::new("b", "c"), 1, "put b @3, delete b @5");
    check(&KeyRange::prefix("c"), 1, "put c @5, put c @6");
    check(&KeyRange::new("x", "z"), 1, "");
}

fn a_single_key() {
    check(&KeyRange::single("a"), 1, "put a @2, put a @5");
    check(&KeyRange::single("b"), 4, "delete b @5");
    check(&KeyRange::single("nobody"), 1, "");
}

fn an_event_says_what_was_before() {
    let page = store(-1).events_since(&all(), 5, 100).unwrap();
    let before = |event: &Event| event.prev_kv.as_ref().map(|kv| kv.mod_revision);
    let before: Vec<Option<i64>> = page.events.iter().map(before).collect();
    assert_eq!(
        before,
        [Some(2), Some(3), None, Some(5)],
        "a was of 2, b of 3, c was not there; then c was of 5"
    );
}

fn what_is_compacted_is_an_error() {
    let mvcc = store(5);
    for range in [all(), KeyRange::single("c"), KeyRange::single("nobody")] {
        for from in [4, 0, -3] {
            assert_eq!(
                mvcc.events_since(&range, from, 100),
                Err(StoreError::Compacted),
                "compacted at 5, and {range:?} asks from {from} on: nobody knows whether something is missing"
            );
        }
        assert!(
            mvcc.events_since(&range, 5, 100).is_ok(),
            "from 5 on all is there"
        );
    }
}

fn a_page_ends_between_revisions() {
    for (max, expected, next) in [
        (1, "put a @2", 3),
        (2, "put a @2, put b @3", 5),
        (3, "put a @2, put b @3, put a @5, delete b @5, put c @5", 6),
        (5, "put a @2, put b @3, put a @5, delete b @5, put c @5", 6),
    ] {
        let page = store(-1).events_since(&all(), 1, max).unwrap();
        assert_eq!(
            told(&page.events),
            expected,
            "a page of {max} events, and more where it would end within the transaction of 5"
        );
        assert_eq!(
            page.next, next,
            "where a page of {max} events is to be continued"
        );
    }
}

fn the_next_page_goes_on() {
    let mvcc = store(-1);
    let (mut from, mut pages) = (1, Vec::new());
    while from <= mvcc.revision() {
        let page = mvcc.events_since(&all(), from, 1).unwrap();
        assert!(
            page.next > from,
            "a page from {from} on that is to be continued at {}",
            page.next
        );
        from = page.next;
        pages.push(told(&page.events));
    }
    let pages: Vec<String> = pages.into_iter().filter(|page| !page.is_empty()).collect();
    assert_eq!(
        pages,
        [
            "put a @2",
            "put b @3",
            "put a @5, delete b @5, put c @5",
            "put c @6"
        ],
        "page by page"
    );
}

fn the_future_is_waited_for() {
    let mvcc = store(-1);
    for range in [all(), KeyRange::single("a")] {
        let page = mvcc.events_since(&range, 9, 100).unwrap();
        assert_eq!(told(&page.events), "", "the store is at 6");
        assert_eq!(
            page.next, 9,
            "who wants to hear from 9 on does not want 7 and 8"
        );
    }
}

fn pages_together_are_all_that_happened() {
    for seed in seeds(60) {
        let mut rng = Rng::new(seed);
        let names = ["a", "b", "ba", "c"];
        let mut keys: Vec<(Bytes, Vec<Version>)> =
            names.map(|name| (name.into(), Vec::new())).into();
        let (mut changes, mut main) = (Vec::new(), 1);
        for _ in 0..rng.below(30) {
            main += 1;
            let mut sub = 0;
            for (key, versions) in &mut keys {
                if rng.below(3) == 0 {
                    let modified = Revision { main, sub };
                    versions.push(Version {
                        modified,
                        ..put(main, 2, 1)
                    });
                    changes.push((main, key.clone()));
                    sub += 1;
                }
            }
        }
        let keys = keys
            .into_iter()
            .filter(|(_, versions)| !versions.is_empty());
        let keys = keys.map(|(key, versions)| (key, KeyHistory::from_versions(versions)));
        let mvcc = Mvcc::from_versions(main, -1, keys.collect());
        for range in [all(), KeyRange::prefix("b"), KeyRange::single("b")] {
            let expected: Vec<(i64, Bytes)> = (changes.iter())
                .filter(|(main, key)| *main >= 4 && range.contains(key))
                .cloned()
                .collect();
            let (mut heard, mut from) = (Vec::new(), 4.min(main + 1));
            let max = 1 + usize::try_from(rng.below(4)).unwrap();
            while from <= main {
                let page = mvcc.events_since(&range, from, max).unwrap();
                let late = page
                    .events
                    .iter()
                    .find(|event| event.kv.mod_revision >= page.next);
                assert_eq!(
                    late, None,
                    "seed {seed:#x}: an event behind the page's end, {}",
                    page.next
                );
                assert!(
                    page.next > from,
                    "seed {seed:#x}: a page that ends where it begins, at {from}"
                );
                from = page.next;
                heard.extend(
                    page.events
                        .into_iter()
                        .map(|event| (event.kv.mod_revision, event.kv.key)),
                );
            }
            assert_eq!(
                heard, expected,
                "seed {seed:#x}, {range:?}, in pages of {max}"
            );
        }
    }
}
