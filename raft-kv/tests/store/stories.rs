//! Stories of the store. `UPDATE_EXPECT=1 cargo test -p raft-kv --test store` writes what comes of them.

use expect_test::expect;
use raft_kv::store::hash::HashKv;
use raft_kv::store::{
    Command, DeleteRangeRequest, KeyRange, Op, PutRequest, Store, StoreError, TxnRequest,
};

use crate::script::check;

#[test]
fn a_key_has_generations() {
    check(
        "put a 1
         put a 2
         get a
         del a
         get a
         put a 3
         get a
         get a rev=3
         get a rev=4
         get a rev=9
         del b",
        &expect![[r#"
            > put a 1
              ok @2
            > put a 2
              ok @3
            > get a
              a=2 (created 2, modified 3, version 2)
              count 1 @3
            > del a
              deleted 1 @4
            > get a
              count 0 @4
            > put a 3
              ok @5
            > get a
              a=3 (created 5, modified 5, version 1)
              count 1 @5
            > get a rev=3
              a=2 (created 2, modified 3, version 2)
              count 1 @5
            > get a rev=4
              count 0 @5
            > get a rev=9
              error: etcdserver: mvcc: required revision is a future revision
            > del b
              deleted 0 @5
        "#]],
    );
}

#[test]
fn ranges() {
    check(
        "put a 3
         put ab 2
         put b 1
         put b 1
         get a b
         get a*
         get ab *
         get b a
         get a * limit=2
         get a * desc limit=2
         get a * by=value keys
         get a * by=version desc limit=1
         get a * count
         get a * min-mod=3 max-mod=4
         get a * max-create=2",
        &expect![[r#"
            > put a 3
              ok @2
            > put ab 2
              ok @3
            > put b 1
              ok @4
            > put b 1
              ok @5
            > get a b
              a=3 (created 2, modified 2, version 1)
              ab=2 (created 3, modified 3, version 1)
              count 2 @5
            > get a*
              a=3 (created 2, modified 2, version 1)
              ab=2 (created 3, modified 3, version 1)
              count 2 @5
            > get ab *
              ab=2 (created 3, modified 3, version 1)
              b=1 (created 4, modified 5, version 2)
              count 2 @5
            > get b a
              count 0 @5
            > get a * limit=2
              a=3 (created 2, modified 2, version 1)
              ab=2 (created 3, modified 3, version 1)
              count 3, more @5
            > get a * desc limit=2
              b=1 (created 4, modified 5, version 2)
              ab=2 (created 3, modified 3, version 1)
              count 3, more @5
            > get a * by=value keys
              b= (created 4, modified 5, version 2)
              ab= (created 3, modified 3, version 1)
              a= (created 2, modified 2, version 1)
              count 3 @5
            > get a * by=version desc limit=1
              b=1 (created 4, modified 5, version 2)
              count 3, more @5
            > get a * count
              count 3 @5
            > get a * min-mod=3 max-mod=4
              ab=2 (created 3, modified 3, version 1)
              count 3 @5
            > get a * max-create=2
              a=3 (created 2, modified 2, version 1)
              count 3 @5
        "#]],
    );
}

#[test]
fn puts_with_options() {
    check(
        "put a 1 ignore-value
         put a ignore-value
         put a 1 lease=7
         grant 7 60
         put a 1 lease=7
         put a ignore-value prev
         put a 2 ignore-lease
         get a
         put a 2 lease=7
         put a 3 ignore-lease
         get a
         put a 3 lease=7 ignore-lease",
        &expect![[r#"
            > put a 1 ignore-value
              error: etcdserver: value is provided
            > put a ignore-value
              error: etcdserver: key not found
            > put a 1 lease=7
              error: etcdserver: requested lease not found
            > grant 7 60
              ok @1
            > put a 1 lease=7
              ok @2
            > put a ignore-value prev
              ok @3
              before: a=1 (created 2, modified 2, version 1, lease 7)
            > put a 2 ignore-lease
              ok @4
            > get a
              a=2 (created 2, modified 4, version 3)
              count 1 @4
            > put a 2 lease=7
              ok @5
            > put a 3 ignore-lease
              ok @6
            > get a
              a=3 (created 2, modified 6, version 5, lease 7)
              count 1 @6
            > put a 3 lease=7 ignore-lease
              error: etcdserver: lease is provided
        "#]],
    );
}

#[test]
fn transactions() {
    check(
        "txn version(a)=0 ? put a 1 ; put b 1 : get a
         txn version(a)=0 ? put a 1 : get a ; get b
         txn mod(a)=2 value(b)=1 ? put a 2 ; get a ; del b ; get * : get a
         txn value(c)<x ? : put seen never
         txn create(nothing*)=0 ? get a : get b
         txn version(*)>1 ? get a : get seen
         txn ? put a 3 ; put a 4
         txn ? put a 3 ; del a
         txn ? get a rev=99 ; put a 3
         get a",
        &expect![[r#"
            > txn version(a)=0 ? put a 1 ; put b 1 : get a
              success @2
                ok @2
                ok @2
            > txn version(a)=0 ? put a 1 : get a ; get b
              failure @2
                a=1 (created 2, modified 2, version 1)
                count 1
                b=1 (created 2, modified 2, version 1)
                count 1
            > txn mod(a)=2 value(b)=1 ? put a 2 ; get a ; del b ; get * : get a
              success @3
                ok @3
                a=2 (created 2, modified 3, version 2)
                count 1
                deleted 1 @3
                a=2 (created 2, modified 3, version 2)
                count 1
            > txn value(c)<x ? : put seen never
              failure @4
                ok @4
            > txn create(nothing*)=0 ? get a : get b
              success @4
                a=2 (created 2, modified 3, version 2)
                count 1
            > txn version(*)>1 ? get a : get seen
              failure @4
                seen=never (created 4, modified 4, version 1)
                count 1
            > txn ? put a 3 ; put a 4
              error: etcdserver: duplicate key given in txn request
            > txn ? put a 3 ; del a
              error: etcdserver: duplicate key given in txn request
            > txn ? get a rev=99 ; put a 3
              error: etcdserver: mvcc: required revision is a future revision
            > get a
              a=2 (created 2, modified 3, version 2)
              count 1 @4
        "#]],
    );
}

#[test]
fn compaction() {
    check(
        "put a 1
         put a 2
         put b 1
         del b
         put a 3
         compact 4
         get a rev=3
         get a rev=4
         get b rev=4
         scrub
         compact 4
         compact 99
         compact 5
         scrub
         watch b rev=5
         compact 6
         scrub
         get a",
        &expect![[r#"
            > put a 1
              ok @2
            > put a 2
              ok @3
            > put b 1
              ok @4
            > del b
              deleted 1 @5
            > put a 3
              ok @6
            > compact 4
              ok @6
            > get a rev=3
              error: etcdserver: mvcc: required revision has been compacted
            > get a rev=4
              a=2 (created 2, modified 3, version 2)
              count 1 @6
            > get b rev=4
              b=1 (created 4, modified 4, version 1)
              count 1 @6
            > scrub
              4 versions are left
            > compact 4
              error: etcdserver: mvcc: required revision has been compacted
            > compact 99
              error: etcdserver: mvcc: required revision is a future revision
            > compact 5
              ok @6
            > scrub
              3 versions are left
            > watch b rev=5
              watch 0 @6: created
              watch 0 @6: [delete b @5]
            > compact 6
              ok @6
            > scrub
              1 versions are left
            > get a
              a=3 (created 2, modified 6, version 3)
              count 1 @6
        "#]],
    );
}

#[test]
fn leases() {
    check(
        "grant 7 60
         grant 7 60
         grant 0 60
         grant 8 9000000001
         put a 1 lease=7
         put b 1 lease=7
         put c 1 lease=7
         put b 2
         watch *
         revoke 7
         revoke 7
         get a *",
        &expect![[r#"
            > grant 7 60
              ok @1
            > grant 7 60
              error: etcdserver: lease already exists
            > grant 0 60
              error: etcdserver: requested lease not found
            > grant 8 9000000001
              error: etcdserver: too large lease TTL
            > put a 1 lease=7
              ok @2
            > put b 1 lease=7
              ok @3
            > put c 1 lease=7
              ok @4
            > put b 2
              ok @5
            > watch *
              watch 0 @5: created
            > revoke 7
              ok @6
              watch 0 @6: [delete a @6] [delete c @6]
            > revoke 7
              error: etcdserver: requested lease not found
            > get a *
              b=2 (created 3, modified 5, version 2)
              count 1 @6
        "#]],
    );
}

#[test]
fn watchers() {
    check(
        "put a 1
         put b 1
         del a
         watch a rev=2 prev
         watch * rev=3 no-put
         watch b id=1
         watch b id=0
         watch b a
         put b 2
         txn ? put a 2 ; put b 3 ; put c 1
         cancel 0
         cancel 99
         watch c rev=9
         progress
         put c 2
         put c 3
         put c 4
         compact 6
         watch a rev=5",
        &expect![[r#"
            > put a 1
              ok @2
            > put b 1
              ok @3
            > del a
              deleted 1 @4
            > watch a rev=2 prev
              watch 0 @4: created
              watch 0 @4: [put a=1 @2] [delete a @4 before 1]
            > watch * rev=3 no-put
              watch 1 @4: created
              watch 1 @4: [delete a @4]
            > watch b id=1
              watch -1 @4: created canceled mvcc: duplicate watch ID provided on the WatchStream
            > watch b id=0
              watch 2 @4: created
            > watch b a
              watch -1 @4: created canceled mvcc: watcher range is empty
            > put b 2
              ok @5
              watch 2 @5: [put b=2 @5]
            > txn ? put a 2 ; put b 3 ; put c 1
              success @6
                ok @6
                ok @6
                ok @6
              watch 0 @6: [put a=2 @6]
              watch 2 @6: [put b=3 @6]
            > cancel 0
              watch 0 @6: canceled 
            > cancel 99
            > watch c rev=9
              watch 3 @6: created
            > progress
              watch -1 @6:
            > put c 2
              ok @7
            > put c 3
              ok @8
            > put c 4
              ok @9
              watch 3 @9: [put c=4 @9]
            > compact 6
              ok @9
            > watch a rev=5
              watch 4 @9: created
              watch 4 @9: canceled etcdserver: mvcc: required revision has been compacted (compacted at 6)
        "#]],
    );
}

fn nested(depth: usize) -> TxnRequest {
    let ops = match depth {
        0 => vec![],
        _ => vec![Op::Txn(nested(depth - 1))],
    };
    TxnRequest {
        success: ops,
        ..TxnRequest::default()
    }
}

fn put(key: &str) -> Op {
    Op::Put(PutRequest {
        key: key.into(),
        ..PutRequest::default()
    })
}

#[test]
fn a_transaction_has_a_limit_over_all_its_levels() {
    assert_eq!(nested(128).check(128), Ok(()));
    assert_eq!(nested(129).check(128), Err(StoreError::TooManyOps));
}

#[test]
fn a_key_may_be_in_both_branches_and_not_in_two_transactions() {
    let branches = |success: &str, failure: &str| {
        Op::Txn(TxnRequest {
            success: vec![put(success)],
            failure: vec![put(failure)],
            ..TxnRequest::default()
        })
    };
    let txn = |success| TxnRequest {
        success,
        ..TxnRequest::default()
    };
    assert_eq!(txn(vec![branches("a", "a")]).check(9), Ok(()));
    let twice = txn(vec![branches("a", "b"), branches("b", "c")]);
    assert_eq!(twice.check(9), Err(StoreError::DuplicateKey));
    let outside = txn(vec![put("a"), branches("b", "a")]);
    assert_eq!(outside.check(9), Err(StoreError::DuplicateKey));
}

#[test]
fn a_command_is_applied_once() {
    let mut store = Store::default();
    let put = Command::Put(PutRequest {
        key: "a".into(),
        ..PutRequest::default()
    });
    store.apply(5, put.clone()).unwrap();
    assert_eq!(store.apply(5, put.clone()), Err(StoreError::AppliedBefore));
    assert_eq!(store.apply(4, put.clone()), Err(StoreError::AppliedBefore));
    assert_eq!((store.revision(), store.applied()), (2, 5));
    store.apply(9, put).unwrap();
}

#[test]
fn without_room_nothing_is_proposed() {
    let store = Store::new(1000);
    let put = |bytes| {
        Command::Put(PutRequest {
            key: "a".into(),
            value: vec![0; bytes].into(),
            ..PutRequest::default()
        })
    };
    assert_eq!(store.check_quota(&put(742)), Ok(()));
    assert_eq!(store.check_quota(&put(743)), Err(StoreError::NoSpace));
    assert_eq!(store.check_quota(&Command::LeaseRevoke(1)), Ok(()));
}

/// What an etcd 3.4.23 answered to `etcdctl endpoint hashkv` after the same commands.
#[test]
fn the_hash_is_etcds() {
    let mut store = Store::default();
    assert_eq!(store.hash_kv(0).unwrap().hash, 1_084_519_789, "of nothing");
    let put = |key: &str, value: &str| PutRequest {
        key: key.into(),
        value: value.into(),
        ..PutRequest::default()
    };
    for (index, (key, value)) in (1..).zip([("foo", "bar"), ("foo", "baz"), ("a", "")]) {
        store.apply(index, Command::Put(put(key, value))).unwrap();
    }
    assert_eq!(store.hash_kv(0).unwrap().hash, 2_673_401_265, "of puts");
    let delete = DeleteRangeRequest {
        range: KeyRange::single("foo"),
        prev_kv: false,
    };
    store.apply(4, Command::DeleteRange(delete)).unwrap();
    let puts = [("x", "1"), ("y", "2"), ("foo", "again")];
    let txn = TxnRequest {
        success: puts.map(|(key, value)| Op::Put(put(key, value))).into(),
        ..TxnRequest::default()
    };
    store.apply(5, Command::Txn(txn)).unwrap();
    let hash = store.hash_kv(0).unwrap().hash;
    assert_eq!(
        hash, 1_692_518_933,
        "of a tombstone, and of three changes of one revision"
    );
    for (index, compacted) in [(6, 5), (7, 6)] {
        store.apply(index, Command::Compact(compacted)).unwrap();
        let expected = HashKv {
            hash: 1_388_598_416,
            revision: 6,
            compact_revision: compacted,
        };
        assert_eq!(store.hash_kv(0), Ok(expected), "room is not yet given back");
        store.scrub(usize::MAX);
        assert_eq!(store.hash_kv(0), Ok(expected), "room is given back");
    }
    assert_eq!(store.hash_kv(6), Err(StoreError::Compacted));
    assert_eq!(store.hash_kv(7), Err(StoreError::FutureRevision));
}
