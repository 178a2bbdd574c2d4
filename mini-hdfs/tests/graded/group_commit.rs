//! Group commit: many callers, one fsync, and nobody is answered too early.

use autograder::{Test, tests};
use mini_hdfs::block::TxId;
use mini_hdfs::namenode::edit_log::scan;
use mini_hdfs::namenode::group_commit::{Batch, GroupCommit};

use crate::ops::mkdir;

pub(crate) const TESTS: &[Test] = tests![
    an_edit_is_durable_only_after_its_batch_is,
    edits_gather_while_a_sync_is_under_way,
    a_recovered_log_goes_on_where_it_was,
    a_roll_ends_the_segment_with_the_batch,
    a_roll_needs_no_edit_that_waits_but_one_in_the_segment,
];

fn append(log: &mut GroupCommit, times: u64) {
    for _ in 0..times {
        let next = log.last_txid().0 + 1;
        let txid = log.append(&mkdir(next, &format!("/d{next}")));
        assert_eq!(txid, TxId(next), "transactions count up by one");
    }
}

/// The transactions in a batch.
fn transactions(batch: &Batch) -> Vec<u64> {
    let last = batch.last.0;
    let possible = 1..=last + 1;
    let found = possible
        .filter_map(|first| scan(&batch.bytes, TxId(first)).ok())
        .map(|scan| scan.ops.iter().map(|(txid, _)| txid.0).collect::<Vec<_>>());
    found.into_iter().max_by_key(Vec::len).unwrap_or_default()
}

fn begin(log: &mut GroupCommit, why: &str) -> Batch {
    log.begin_sync()
        .unwrap_or_else(|| panic!("there should be a batch: {why}"))
}

fn an_edit_is_durable_only_after_its_batch_is() {
    let mut log = GroupCommit::new(TxId(1), TxId(0));
    assert_eq!(log.begin_sync(), None, "nothing waits to be written");
    append(&mut log, 3);
    assert_eq!(log.synced_txid(), TxId(0), "appended is not synced");
    let batch = begin(&mut log, "3 edits wait");
    assert_eq!(log.synced_txid(), TxId(0), "begun is not done");
    assert_eq!(
        transactions(&batch),
        [1, 2, 3],
        "one batch takes all that wait"
    );
    assert_eq!((batch.last, &batch.roll), (TxId(3), &None));
    log.end_sync(&batch);
    assert_eq!(log.synced_txid(), TxId(3));
    assert_eq!(log.begin_sync(), None, "all is written");
}

fn edits_gather_while_a_sync_is_under_way() {
    let mut log = GroupCommit::new(TxId(1), TxId(0));
    append(&mut log, 1);
    let first = begin(&mut log, "1 edit waits");
    append(&mut log, 5);
    assert_eq!(
        log.begin_sync(),
        None,
        "at most one sync at a time: a second one could overtake the first"
    );
    assert_eq!(log.last_txid(), TxId(6));
    log.end_sync(&first);
    assert_eq!(
        log.synced_txid(),
        TxId(1),
        "what gathered meanwhile was not in that batch"
    );
    let second = begin(&mut log, "5 edits gathered");
    assert_eq!(
        transactions(&second),
        [2, 3, 4, 5, 6],
        "nothing twice, nothing left out"
    );
    log.end_sync(&second);
    assert_eq!(log.synced_txid(), TxId(6));
}

fn a_recovered_log_goes_on_where_it_was() {
    let mut log = GroupCommit::new(TxId(5), TxId(9));
    assert_eq!((log.last_txid(), log.synced_txid()), (TxId(9), TxId(9)));
    append(&mut log, 1);
    let batch = begin(&mut log, "1 edit waits");
    assert_eq!(transactions(&batch), [10]);
    assert!(
        batch.file.ends_with("edits_inprogress_0000000000000000005"),
        "{}",
        batch.file
    );
}

fn a_roll_ends_the_segment_with_the_batch() {
    let mut log = GroupCommit::new(TxId(1), TxId(0));
    append(&mut log, 2);
    log.request_roll();
    let batch = begin(&mut log, "2 edits wait");
    let roll = batch.roll.clone().expect("the batch ends the segment");
    assert!(
        batch.file.ends_with("edits_inprogress_0000000000000000001"),
        "{}",
        batch.file
    );
    assert!(
        roll.finalized
            .ends_with("edits_0000000000000000001-0000000000000000002"),
        "a finished segment is named after its transactions: {}",
        roll.finalized
    );
    assert!(
        roll.next.ends_with("edits_inprogress_0000000000000000003"),
        "{}",
        roll.next
    );
    append(&mut log, 1);
    log.end_sync(&batch);
    let batch = begin(&mut log, "1 edit gathered");
    assert_eq!(
        batch.file, roll.next,
        "edits after the roll go to the next segment"
    );
    assert_eq!(batch.roll, None, "one request, one roll");
}

fn a_roll_needs_no_edit_that_waits_but_one_in_the_segment() {
    let mut log = GroupCommit::new(TxId(1), TxId(0));
    log.request_roll();
    assert_eq!(log.begin_sync(), None, "a segment without edits goes on");
    let mut log = GroupCommit::new(TxId(1), TxId(4));
    log.request_roll();
    let batch = begin(&mut log, "the segment holds 4 edits and is to end");
    assert!(batch.bytes.is_empty() && batch.roll.is_some());
    log.end_sync(&batch);
    assert_eq!(log.synced_txid(), TxId(4));
}
