//! Comparisons of transactions: what there is, on the left; what is given, on the right.

use autograder::{Test, tests};
use raft_kv::store::txn::holds;
use raft_kv::store::{Compare, CompareResult, CompareTarget, KeyRange, KeyValue};

use CompareResult::{Equal, Greater, Less, NotEqual};
use CompareTarget::{Create, Lease, Mod, Value, Version};

pub(crate) const TESTS: &[Test] = tests![
    a_number_is_compared_with_what_is_given,
    each_target_is_its_own,
    values_compare_as_bytes,
    what_is_not_there_is_zero,
    what_is_not_there_has_no_value,
    it_has_to_hold_for_each_key,
    a_lock_can_be_taken,
];

/// Made at 3, at version 5 since 8, with lease 2.
fn kv(value: &str) -> KeyValue {
    KeyValue {
        key: "k".into(),
        create_revision: 3,
        mod_revision: 8,
        version: 5,
        value: value.into(),
        lease: 2,
    }
}

fn compare(target: CompareTarget, result: CompareResult) -> Compare {
    Compare {
        range: KeyRange::single("k"),
        target,
        result,
    }
}

#[track_caller]
fn check(target: &CompareTarget, found: &[KeyValue], expected: [(CompareResult, bool); 4]) {
    for (result, expected) in expected {
        let compare = compare(target.clone(), result);
        assert_eq!(
            holds(&compare, found),
            expected,
            "{:?} {:?} of what was found: {found:?}",
            compare.target,
            compare.result
        );
    }
}

const LESS: [(CompareResult, bool); 4] = [
    (Equal, false),
    (Greater, false),
    (Less, true),
    (NotEqual, true),
];
const SAME: [(CompareResult, bool); 4] = [
    (Equal, true),
    (Greater, false),
    (Less, false),
    (NotEqual, false),
];
const MORE: [(CompareResult, bool); 4] = [
    (Equal, false),
    (Greater, true),
    (Less, false),
    (NotEqual, true),
];
const NONE: [(CompareResult, bool); 4] = [
    (Equal, false),
    (Greater, false),
    (Less, false),
    (NotEqual, false),
];

fn a_number_is_compared_with_what_is_given() {
    check(&Version(4), &[kv("v")], MORE);
    check(&Version(5), &[kv("v")], SAME);
    check(&Version(6), &[kv("v")], LESS);
}

fn each_target_is_its_own() {
    check(&Create(3), &[kv("v")], SAME);
    check(&Mod(8), &[kv("v")], SAME);
    check(&Lease(2), &[kv("v")], SAME);
    check(&Create(8), &[kv("v")], LESS);
    check(&Mod(3), &[kv("v")], MORE);
    check(&Lease(5), &[kv("v")], LESS);
}

fn values_compare_as_bytes() {
    check(&Value("b".into()), &[kv("a")], LESS);
    check(&Value("b".into()), &[kv("b")], SAME);
    check(&Value("b".into()), &[kv("ba")], MORE);
    check(&Value("10".into()), &[kv("9")], MORE);
    check(&Value("".into()), &[kv("")], SAME);
}

fn what_is_not_there_is_zero() {
    for target in [Version(0), Create(0), Mod(0), Lease(0)] {
        check(&target, &[], SAME);
    }
    check(&Version(1), &[], LESS);
    check(&Mod(-1), &[], MORE);
}

fn what_is_not_there_has_no_value() {
    check(&Value("".into()), &[], NONE);
    check(&Value("x".into()), &[], NONE);
}

fn it_has_to_hold_for_each_key() {
    let (a, b) = (
        kv("v"),
        KeyValue {
            version: 9,
            ..kv("w")
        },
    );
    let found = [a, b];
    check(
        &Version(5),
        &found,
        [
            (Equal, false),
            (Greater, false),
            (Less, false),
            (NotEqual, false),
        ],
    );
    check(&Version(4), &found, MORE);
    check(&Version(10), &found, LESS);
    check(
        &Value("v".into()),
        &found,
        [
            (Equal, false),
            (Greater, false),
            (Less, false),
            (NotEqual, false),
        ],
    );
}

fn a_lock_can_be_taken() {
    let free = compare(Create(0), Equal);
    assert!(
        holds(&free, &[]),
        "nobody holds the lock: its key was never made"
    );
    assert!(!holds(&free, &[kv("me")]), "somebody holds the lock");
}
