//! Salting: a hot key is spread, and nothing that was written is lost or seen twice.

use std::collections::{BTreeMap, BTreeSet};

use autograder::{Test, tests};
use consistent_hash::skew::salting::{Record, Salting, gather, sub_key};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    a_cold_key_has_one_place,
    a_hot_key_is_written_to_all_of_its_sub_keys_alike,
    a_hot_key_is_spread_whatever_the_ids_are,
    a_record_that_is_written_again_meets_itself,
    a_read_asks_for_every_sub_key_once,
    a_read_finds_what_was_written_when_the_key_was_hotter,
    gathering_keeps_the_order,
    gathering_takes_each_record_once_and_the_newest,
    gathering_is_a_merge_of_any_lists,
    a_store_of_sub_keys_answers_as_one_of_keys,
];

fn spread(n: u16) -> Salting {
    let mut salting = Salting::default();
    salting.spread(b"hot", n);
    salting
}

fn record(id: u64, version: u64) -> Record {
    let value = format!("{id} in version {version}").into_bytes();
    Record { id, version, value }
}

/// Records as pairs of id and version.
fn pairs(records: &[Record]) -> Vec<(u64, u64)> {
    records.iter().map(|r| (r.id, r.version)).collect()
}

fn a_cold_key_has_one_place() {
    let salting = spread(8);
    let keys: BTreeSet<Vec<u8>> = (0..100).map(|id| salting.write_key(b"cold", id)).collect();
    assert_eq!(
        keys,
        BTreeSet::from([sub_key(b"cold", 0)]),
        "nobody spread this key: its records stand under salt 0"
    );
    assert_eq!(
        salting.read_keys(b"cold"),
        [sub_key(b"cold", 0)],
        "and are read there"
    );
}

fn counts(salting: &Salting, ids: impl Iterator<Item = u64>) -> BTreeMap<Vec<u8>, u32> {
    let mut counts = BTreeMap::new();
    for id in ids {
        *counts.entry(salting.write_key(b"hot", id)).or_default() += 1;
    }
    counts
}

/// 8,000 records on 8 sub-keys are 1,000 each, give or take 30 (a standard deviation); 850 to 1,150 are five of them.
fn expect_even(ids: impl Iterator<Item = u64>, what: &str) {
    let counts = counts(&spread(8), ids);
    let expected: BTreeSet<Vec<u8>> = (0..8).map(|salt| sub_key(b"hot", salt)).collect();
    let keys: BTreeSet<Vec<u8>> = counts.keys().cloned().collect();
    assert_eq!(keys, expected, "{what}: the sub-keys that are written to");
    for (key, count) in counts {
        let salt = key.last();
        assert!(
            (850..=1150).contains(&count),
            "{what}: of 8,000 records sub-key {salt:?} gets {count}; 1,000 is its share"
        );
    }
}

fn a_hot_key_is_written_to_all_of_its_sub_keys_alike() {
    expect_even(0..8_000, "ids one after the other");
}

fn a_hot_key_is_spread_whatever_the_ids_are() {
    expect_even((0..8_000).map(|i| i * 64), "multiples of 64");
    expect_even((0..8_000).map(|i| i << 40), "ids whose low bits are all 0");
    expect_even((0..8_000).map(|i| i * 8_000 + 3), "ids in steps of 8,000");
}

fn a_record_that_is_written_again_meets_itself() {
    let (here, there) = (spread(16), spread(16));
    for id in 0..1_000 {
        let first = here.write_key(b"hot", id);
        assert_eq!(
            here.write_key(b"hot", id),
            first,
            "record {id} is written again, perhaps since the answer was lost, and must go where it is"
        );
        assert_eq!(
            there.write_key(b"hot", id),
            first,
            "whoever writes record {id}"
        );
    }
}

fn a_read_asks_for_every_sub_key_once() {
    let asked = spread(5).read_keys(b"hot");
    let distinct: BTreeSet<Vec<u8>> = asked.iter().cloned().collect();
    assert_eq!(asked.len(), 5, "the key is spread over 5");
    let expected: BTreeSet<Vec<u8>> = (0..5).map(|salt| sub_key(b"hot", salt)).collect();
    assert_eq!(distinct, expected, "each once");
}

fn a_read_finds_what_was_written_when_the_key_was_hotter() {
    let mut salting = spread(12);
    let written: BTreeSet<Vec<u8>> = (0..200).map(|id| salting.write_key(b"hot", id)).collect();
    salting.spread(b"hot", 3);
    let asked: BTreeSet<Vec<u8>> = salting.read_keys(b"hot").into_iter().collect();
    assert!(
        written.is_subset(&asked),
        "records are written to 3 sub-keys now, but those that were written to 12 are still there"
    );
    for id in 0..200 {
        let key = salting.write_key(b"hot", id);
        let few: Vec<Vec<u8>> = (0..3).map(|salt| sub_key(b"hot", salt)).collect();
        assert!(few.contains(&key), "record {id} is written to one of the 3");
    }
    salting.settle(b"hot");
    assert_eq!(
        salting.read_keys(b"hot").len(),
        3,
        "all have been moved to the 3"
    );
}

fn gathering_keeps_the_order() {
    let parts = [
        vec![record(1, 1), record(5, 1), record(9, 1)],
        vec![],
        vec![record(2, 1), record(3, 1), record(12, 1)],
        vec![record(4, 1)],
    ];
    let ids: Vec<u64> = gather(&parts).iter().map(|r| r.id).collect();
    assert_eq!(
        ids,
        [1, 2, 3, 4, 5, 9, 12],
        "in ascending order of their ids"
    );
    assert!(gather(&[]).is_empty() && gather(&[vec![], vec![]]).is_empty());
}

fn gathering_takes_each_record_once_and_the_newest() {
    let parts = [
        vec![record(1, 3), record(4, 1), record(7, 2)],
        vec![record(1, 9), record(7, 1)],
        vec![record(1, 4), record(4, 2)],
    ];
    assert_eq!(
        gather(&parts),
        [record(1, 9), record(4, 2), record(7, 2)],
        "records 1, 4 and 7 stand in several sub-keys, in several versions"
    );
}

prop_compose! {
    /// Lists as sub-keys have them, and what should come of them. Versions of a record differ.
    fn parts()(
        held in proptest::collection::btree_map((0usize..6, 0u64..30), 0u64..4, 0..60)
    ) -> (Vec<Vec<Record>>, BTreeMap<u64, u64>) {
        let mut parts = vec![Vec::new(); 6];
        let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
        for ((part, id), version) in held {
            let version = version * 6 + part as u64;
            parts[part].push(record(id, version));
            let known = newest.entry(id).or_default();
            *known = (*known).max(version);
        }
        (parts, newest)
    }
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn gathering_is_a_merge_of_any_lists((parts, newest) in parts()) {
        let gathered = gather(&parts);
        let expected: Vec<(u64, u64)> = newest.into_iter().collect();
        prop_assert_eq!(pairs(&gathered), expected, "of {:?}", parts.iter().map(|p| pairs(p)).collect::<Vec<_>>());
    }

    /// Writes of records to a store of sub-keys while the spread changes, and reads: as if the key had one place.
    fn a_store_of_sub_keys_answers_as_one_of_keys(
        steps in proptest::collection::vec((0u64..12, 0u16..20), 1..80)
    ) {
        let mut salting = Salting::default();
        let mut store: BTreeMap<Vec<u8>, BTreeMap<u64, Record>> = BTreeMap::new();
        let mut model: BTreeMap<u64, u64> = BTreeMap::new();
        for (version, (id, n)) in (1..).zip(steps) {
            if n < 6 {
                salting.spread(b"hot", n);
            }
            let under = store.entry(salting.write_key(b"hot", id)).or_default();
            under.insert(id, record(id, version));
            model.insert(id, version);
            let asked = salting.read_keys(b"hot");
            let part = |key: &Vec<u8>| -> Vec<Record> {
                store.get(key).map(|held| held.values().cloned().collect()).unwrap_or_default()
            };
            let parts: Vec<Vec<Record>> = asked.iter().map(part).collect();
            let expected: Vec<(u64, u64)> = model.clone().into_iter().collect();
            prop_assert_eq!(
                pairs(&gather(&parts)), expected,
                "after version {} of record {} was written, a read", version, id
            );
        }
    }
}
