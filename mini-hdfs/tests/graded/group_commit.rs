//! Group commit: many callers, one fsync, and nobody is answered too early.

use std::ops::RangeInclusive;
use std::panic::{AssertUnwindSafe, catch_unwind};

use autograder::{Test, tests};
use mini_hdfs::block::TxId;
use mini_hdfs::namenode::edit_log::{CHECKSUM_LEN, HEADER_LEN, encode};
use mini_hdfs::namenode::group_commit::{Batch, GroupCommit};
use proptest::prelude::*;

use crate::ops::mkdir;

pub(crate) const TESTS: &[Test] = tests![
    an_edit_is_durable_only_after_its_batch_is,
    edits_gather_while_a_sync_is_under_way,
    a_recovered_log_goes_on_where_it_was,
    a_roll_ends_the_segment_with_the_batch,
    a_roll_needs_no_edit_that_waits_but_one_in_the_segment,
    a_roll_asked_for_during_a_sync_waits_for_the_next_batch,
    only_the_batch_under_way_can_be_done,
    every_edit_is_in_one_batch_and_answered_after_it,
];

fn append(log: &mut GroupCommit, times: u64) {
    for _ in 0..times {
        let next = log.last_txid().0 + 1;
        let txid = log.append(&mkdir(next, &format!("/d{next}")));
        assert_eq!(txid, TxId(next), "transactions count up by one");
    }
}

/// The transactions in a batch, as the headers of its frames have them.
fn transactions(batch: &Batch) -> Vec<u64> {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let mut rest = &batch.bytes[..];
    let mut found = Vec::new();
    while rest.len() > HEADER_LEN {
        let len = usize::try_from(number(&rest[..4])).expect("a short payload");
        found.push(number(&rest[4..HEADER_LEN]));
        rest = rest.get(HEADER_LEN + len + CHECKSUM_LEN..).unwrap_or(&[]);
    }
    found
}

/// The frames of these transactions, as [`append`] adds them.
fn frames(txids: RangeInclusive<u64>) -> Vec<u8> {
    let mut frames = Vec::new();
    for txid in txids {
        encode(TxId(txid), &mkdir(txid, &format!("/d{txid}")), &mut frames);
    }
    frames
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
    assert_eq!(
        batch.bytes,
        frames(1..=3),
        "a batch is the frames of its edits, one after the other"
    );
    assert_eq!(
        (batch.last, &batch.roll),
        (TxId(3), &None),
        "the batch reaches to transaction 3 and ends no segment"
    );
    log.end_sync(&batch);
    assert_eq!(
        log.synced_txid(),
        TxId(3),
        "the batch with transactions 1 to 3 is written"
    );
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
    assert_eq!(log.last_txid(), TxId(6), "1 edit and 5 more were added");
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
    assert_eq!(log.synced_txid(), TxId(6), "both batches are written");
}

fn a_recovered_log_goes_on_where_it_was() {
    let mut log = GroupCommit::new(TxId(5), TxId(9));
    assert_eq!(
        (log.last_txid(), log.synced_txid()),
        (TxId(9), TxId(9)),
        "what was read back is durable"
    );
    append(&mut log, 1);
    let batch = begin(&mut log, "1 edit waits");
    assert_eq!(transactions(&batch), [10], "the edit after transaction 9");
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
    assert_eq!(
        log.synced_txid(),
        TxId(4),
        "nothing was added since transaction 4"
    );
}

fn a_roll_asked_for_during_a_sync_waits_for_the_next_batch() {
    let mut log = GroupCommit::new(TxId(1), TxId(0));
    append(&mut log, 2);
    let first = begin(&mut log, "2 edits wait");
    log.request_roll();
    assert_eq!(log.begin_sync(), None, "a batch is on its way");
    append(&mut log, 1);
    log.end_sync(&first);
    let second = begin(&mut log, "1 edit waits, and the segment is to end");
    assert_eq!(
        (transactions(&second), second.file.clone()),
        (vec![3], first.file),
        "the segment ends with this batch, not before it"
    );
    let roll = second.roll.clone().expect("the request is not forgotten");
    assert!(
        roll.finalized
            .ends_with("edits_0000000000000000001-0000000000000000003"),
        "the segment has transactions 1 to 3: {}",
        roll.finalized
    );
    log.end_sync(&second);
    log.request_roll();
    assert_eq!(
        log.begin_sync(),
        None,
        "the segment that begins with 4 has no edit yet"
    );
}

fn only_the_batch_under_way_can_be_done() {
    let mut log = GroupCommit::new(TxId(1), TxId(0));
    append(&mut log, 1);
    let first = begin(&mut log, "1 edit waits");
    log.end_sync(&first);
    append(&mut log, 1);
    let twice = catch_unwind(AssertUnwindSafe(|| log.clone().end_sync(&first)));
    assert!(
        twice.is_err(),
        "no batch is on its way: end_sync should panic rather than guess what is durable"
    );
    begin(&mut log, "1 edit waits");
    let other = catch_unwind(AssertUnwindSafe(|| log.end_sync(&first)));
    assert!(
        other.is_err(),
        "another batch is on its way: end_sync should panic rather than guess what is durable"
    );
}

/// What the disk has got, under a schedule of calls drawn at random.
fn check_schedule(calls: &[u8]) -> Result<(), TestCaseError> {
    let mut log = GroupCommit::new(TxId(1), TxId(0));
    let (mut under_way, mut written, mut appended) = (None, 0, 0);
    for call in calls {
        match call % 4 {
            0 | 1 => {
                append(&mut log, 1);
                appended += 1;
            }
            2 => {
                let batch = log.begin_sync();
                let expected = under_way.is_none() && written < appended;
                prop_assert_eq!(
                    batch.is_some(),
                    expected,
                    "there is a batch if none is under way and edits wait"
                );
                under_way = under_way.or(batch);
            }
            _ => {
                if let Some(batch) = under_way.take() {
                    let is_next = batch.bytes == frames(written + 1..=batch.last.0);
                    prop_assert!(
                        is_next,
                        "transactions up to {} are written, and now {:?}",
                        written,
                        transactions(&batch)
                    );
                    written = batch.last.0;
                    log.end_sync(&batch);
                }
            }
        }
        prop_assert_eq!(
            log.synced_txid(),
            TxId(written),
            "what is durable is what was written, no more and no less"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn every_edit_is_in_one_batch_and_answered_after_it(calls in prop::collection::vec(any::<u8>(), 1..40)) {
        check_schedule(&calls)?;
    }
}
