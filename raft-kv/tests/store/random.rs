//! Random commands, over few keys, revisions and leases, so that they meet.

use proptest::prelude::*;
use raft_kv::store::{
    Bytes, Command, Compare, CompareResult, CompareTarget, DeleteRangeRequest, KeyRange, Op,
    PutRequest, RangeRequest, SortOrder, SortTarget, TxnRequest,
};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Apply(Command),
    /// Gives back what compactions made obsolete, so many changes of it.
    Scrub(usize),
    /// The store is replaced by its snapshot.
    Copy,
}

pub(crate) fn steps(count: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        20 => command().prop_map(Step::Apply),
        2 => (1usize..6).prop_map(Step::Scrub),
        1 => Just(Step::Copy),
    ];
    prop::collection::vec(step, 0..count)
}

pub(crate) fn key() -> impl Strategy<Value = Bytes> {
    prop::sample::select(vec!["a", "ab", "abc", "b", "b\u{7f}", "c"]).prop_map(Bytes::from)
}

pub(crate) fn range() -> impl Strategy<Value = KeyRange> {
    prop_oneof![
        3 => key().prop_map(KeyRange::single),
        1 => (key(), key()).prop_map(|(key, end)| KeyRange::new(key, end)),
        1 => key().prop_map(KeyRange::prefix),
        1 => key().prop_map(|key| KeyRange::new(key, [0].as_slice())),
        1 => Just(KeyRange::prefix("")),
    ]
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        10 => put().prop_map(Command::Put),
        3 => delete().prop_map(Command::DeleteRange),
        5 => txn(2).prop_map(Command::Txn),
        1 => (0i64..40).prop_map(Command::Compact),
        2 => (1i64..4).prop_map(|id| Command::LeaseGrant { id, ttl: 60 }),
        1 => (1i64..4).prop_map(Command::LeaseRevoke),
    ]
}

fn put() -> impl Strategy<Value = PutRequest> {
    let lease = prop_oneof![3 => Just(0), 1 => 1i64..4];
    let flags = (
        any::<bool>(),
        prop::bool::weighted(0.1),
        prop::bool::weighted(0.1),
    );
    (key(), 0u8..4, lease, flags).prop_map(|(key, value, lease, flags)| {
        let (prev_kv, ignore_value, ignore_lease) = flags;
        PutRequest {
            key,
            value: if ignore_value {
                Bytes::default()
            } else {
                vec![value].into()
            },
            lease: if ignore_lease { 0 } else { lease },
            prev_kv,
            ignore_value,
            ignore_lease,
        }
    })
}

fn delete() -> impl Strategy<Value = DeleteRangeRequest> {
    (range(), any::<bool>()).prop_map(|(range, prev_kv)| DeleteRangeRequest { range, prev_kv })
}

fn compare() -> impl Strategy<Value = Compare> {
    let target = prop_oneof![
        (0i64..4).prop_map(CompareTarget::Version),
        (0i64..20).prop_map(CompareTarget::Create),
        (0i64..20).prop_map(CompareTarget::Mod),
        (0i64..4).prop_map(CompareTarget::Lease),
        (0u8..4).prop_map(|value| CompareTarget::Value(vec![value].into())),
    ];
    let result = prop::sample::select(vec![
        CompareResult::Equal,
        CompareResult::Greater,
        CompareResult::Less,
        CompareResult::NotEqual,
    ]);
    (range(), target, result).prop_map(|(range, target, result)| Compare {
        range,
        target,
        result,
    })
}

fn txn(depth: u32) -> BoxedStrategy<TxnRequest> {
    let read = range_request(10).prop_map(Op::Range);
    let leaf = prop_oneof![
        2 => read,
        3 => put().prop_map(Op::Put),
        1 => delete().prop_map(Op::DeleteRange),
    ];
    let op = if depth == 0 {
        leaf.boxed()
    } else {
        prop_oneof![4 => leaf, 1 => txn(depth - 1).prop_map(Op::Txn)].boxed()
    };
    let ops = prop::collection::vec(op, 0..4);
    (prop::collection::vec(compare(), 0..3), ops.clone(), ops)
        .prop_map(|(compare, success, failure)| TxnRequest {
            compare,
            success,
            failure,
        })
        .boxed()
}

/// A range at a revision below `revision_max`, more often now.
pub(crate) fn range_request(revision_max: i64) -> impl Strategy<Value = RangeRequest> {
    let limits = |max| prop_oneof![5 => Just(0i64), 1 => 1..max];
    let sort_order =
        prop::sample::select(vec![SortOrder::None, SortOrder::Ascend, SortOrder::Descend]);
    let sort_target = prop::sample::select(vec![
        SortTarget::Key,
        SortTarget::Version,
        SortTarget::Create,
        SortTarget::Mod,
        SortTarget::Value,
    ]);
    let filters = (limits(20), limits(20), limits(20), limits(20));
    let only = (prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (
        range(),
        limits(4),
        limits(revision_max),
        (sort_order, sort_target),
        only,
        filters,
    )
        .prop_map(
            |(range, limit, revision, sort, only, filters)| RangeRequest {
                range,
                limit,
                revision,
                sort_order: sort.0,
                sort_target: sort.1,
                keys_only: only.0,
                count_only: only.1,
                min_mod_revision: filters.0,
                max_mod_revision: filters.1,
                min_create_revision: filters.2,
                max_create_revision: filters.3,
            },
        )
}
