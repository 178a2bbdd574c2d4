//! Tablets: found, split, merged.

use std::collections::BTreeMap;

use autograder::{Test, tests};
use consistent_hash::NodeId;
use consistent_hash::range::{Handover, RangeError, Table, Tablet};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    a_key_is_in_the_last_tablet_that_starts_before_it,
    a_start_belongs_to_its_tablet,
    an_empty_table_has_nothing,
    a_split_gives_the_upper_part_away,
    a_split_of_the_last_tablet_has_no_end,
    a_tablet_is_not_split_at_its_start,
    a_merge_gives_a_tablet_to_the_one_before,
    a_merge_needs_a_place_where_tablets_meet,
    a_merge_undoes_a_split,
    every_key_has_the_node_that_it_was_given_in_any_case,
];

/// A table of these starts and nodes.
fn table(tablets: &[(&str, u32)]) -> Table {
    let tablet = |(start, node): &(&str, u32)| Tablet {
        start: start.as_bytes().to_vec(),
        node: NodeId(*node),
    };
    Table {
        tablets: tablets.iter().map(tablet).collect(),
    }
}

fn handover(start: &str, end: Option<&str>, from: u32, to: u32) -> Handover {
    Handover {
        start: start.as_bytes().to_vec(),
        end: end.map(|end| end.as_bytes().to_vec()),
        from: NodeId(from),
        to: NodeId(to),
    }
}

fn a_key_is_in_the_last_tablet_that_starts_before_it() {
    let table = table(&[("", 1), ("g", 2), ("p", 3)]);
    for (key, expected) in [
        ("apple", 0),
        ("fzzz", 0),
        ("grape", 1),
        ("ozzz", 1),
        ("pear", 2),
        ("zoo", 2),
    ] {
        assert_eq!(
            table.find(key.as_bytes()),
            Some(expected),
            "the tablets start at \"\", \"g\" and \"p\"; where is {key:?}?"
        );
    }
}

fn a_start_belongs_to_its_tablet() {
    let table = table(&[("", 1), ("g", 2), ("p", 3)]);
    assert_eq!(
        table.find(b"g"),
        Some(1),
        "\"g\" is the first key of the second tablet"
    );
    assert_eq!(
        table.find(b"g\0"),
        Some(1),
        "nothing comes between \"g\" and this key"
    );
    assert_eq!(
        table.find(b""),
        Some(0),
        "the empty key is the first of all"
    );
}

fn an_empty_table_has_nothing() {
    let mut empty = Table::default();
    assert_eq!(empty.find(b"key"), None, "there are no tablets");
    assert_eq!(
        empty.split(b"key", NodeId(1)),
        Err(RangeError::Empty),
        "there is nothing to split"
    );
    let error = RangeError::NoSplit {
        at: b"key".to_vec(),
    };
    assert_eq!(empty.merge(b"key"), Err(error), "there is nothing to merge");
    assert_eq!(empty, Table::default());
}

fn a_split_gives_the_upper_part_away() {
    let mut split = table(&[("", 1), ("g", 2), ("p", 3)]);
    assert_eq!(
        split.split(b"k", NodeId(4)),
        Ok(handover("k", Some("p"), 2, 4)),
        "\"k\" lies in n2's tablet, \"g\" to \"p\": its upper part goes to n4"
    );
    assert_eq!(split, table(&[("", 1), ("g", 2), ("k", 4), ("p", 3)]));
}

fn a_split_of_the_last_tablet_has_no_end() {
    let mut split = table(&[("", 1)]);
    assert_eq!(
        split.split(b"m", NodeId(2)),
        Ok(handover("m", None, 1, 2)),
        "there is no tablet behind it, so it goes on to the last key of all"
    );
    assert_eq!(split, table(&[("", 1), ("m", 2)]));
}

fn a_tablet_is_not_split_at_its_start() {
    let before = table(&[("", 1), ("g", 2)]);
    for at in ["", "g"] {
        let mut split = before.clone();
        let at = at.as_bytes().to_vec();
        assert_eq!(
            split.split(&at, NodeId(3)),
            Err(RangeError::AlreadySplit { at: at.clone() }),
            "a tablet begins there: its lower part would be empty"
        );
        assert_eq!(split, before, "a split that is refused changes nothing");
    }
}

fn a_merge_gives_a_tablet_to_the_one_before() {
    let mut merged = table(&[("", 1), ("g", 2), ("p", 3)]);
    assert_eq!(
        merged.merge(b"g"),
        Ok(handover("g", Some("p"), 2, 1)),
        "what n2 had goes to n1, which has the tablet before it"
    );
    assert_eq!(merged, table(&[("", 1), ("p", 3)]));
    assert_eq!(
        merged.merge(b"p"),
        Ok(handover("p", None, 3, 1)),
        "the last one has no end"
    );
    assert_eq!(merged, table(&[("", 1)]));
}

fn a_merge_needs_a_place_where_tablets_meet() {
    let before = table(&[("", 1), ("g", 2)]);
    for at in ["", "a", "g\0", "z"] {
        let mut merged = before.clone();
        let at = at.as_bytes().to_vec();
        assert_eq!(
            merged.merge(&at),
            Err(RangeError::NoSplit { at: at.clone() }),
            "the tablets start at \"\" and \"g\"; before the first there is none"
        );
        assert_eq!(merged, before, "a merge that is refused changes nothing");
    }
}

fn a_merge_undoes_a_split() {
    let before = table(&[("", 1), ("g", 2), ("p", 3)]);
    for at in ["a", "m", "zz"] {
        let mut changed = before.clone();
        let there = changed.split(at.as_bytes(), NodeId(9)).unwrap();
        let back = changed.merge(at.as_bytes()).unwrap();
        assert_eq!(changed, before, "split at {at:?}, and merged again");
        assert_eq!(
            (back.from, back.to),
            (there.to, there.from),
            "it goes back to where it was"
        );
        assert_eq!(
            (back.start, back.end),
            (there.start, there.end),
            "the same keys"
        );
    }
}

/// Short keys of few letters, so that they meet.
fn any_key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, b'a', b'b', 0xff]), 0..3)
}

/// A key, and who is to have it and what follows; without a node, a merge.
fn any_steps() -> impl Strategy<Value = Vec<(Vec<u8>, Option<u32>)>> {
    prop::collection::vec((any_key(), prop::option::weighted(0.7, 0..5u32)), 0..20)
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn every_key_has_the_node_that_it_was_given_in_any_case(steps in any_steps(), asked in prop::collection::vec(any_key(), 1..10)) {
        let mut table = table(&[("", 7)]);
        let mut model = BTreeMap::from([(Vec::new(), NodeId(7))]);
        for (at, node) in steps {
            let node = node.map(NodeId);
            let next = || model.range(at.clone()..).find(|(start, _)| **start > at).map(|(start, _)| start.clone());
            let below = || model.range(..at.clone()).next_back().map(|(_, node)| *node);
            let expected = match (node, model.get(&at), below()) {
                (Some(_), Some(_), _) => Err(RangeError::AlreadySplit { at: at.clone() }),
                (Some(to), None, Some(from)) => Ok(Handover { start: at.clone(), end: next(), from, to }),
                (None, Some(from), Some(to)) => Ok(Handover { start: at.clone(), end: next(), from: *from, to }),
                _ => Err(RangeError::NoSplit { at: at.clone() }),
            };
            let before = table.clone();
            let came = match node {
                Some(node) => table.split(&at, node),
                None => table.merge(&at),
            };
            let what = if node.is_some() { "split" } else { "merge" };
            prop_assert_eq!(&came, &expected, "{} at {:?} of {:?}", what, at.escape_ascii().to_string(), before);
            if came.is_ok() {
                match node {
                    Some(node) => drop(model.insert(at, node)),
                    None => drop(model.remove(&at)),
                }
            }
            for key in &asked {
                let expected = model.range(..=key.clone()).next_back().map(|(_, node)| *node);
                let found = table.find(key).and_then(|at| table.tablets.get(at)).map(|tablet| tablet.node);
                prop_assert_eq!(found, expected, "who has {:?} of {:?}", key.escape_ascii().to_string(), table);
            }
        }
    }
}
