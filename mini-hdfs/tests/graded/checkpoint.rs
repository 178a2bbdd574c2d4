//! Checkpoints: much log becomes one image, and no crash in the middle loses anything.

use std::time::Duration;

use autograder::{Test, tests};
use mini_hdfs::block::TxId;
use mini_hdfs::namenode::edit_op::EditOp;
use mini_hdfs::namenode::group_commit::GroupCommit;
use mini_hdfs::namenode::storage::{self, StorageError, checkpoint, checkpoint_due};
use mini_hdfs::namenode::{Config, NameNode};
use node::{Disk, Rng};
use proptest::prelude::*;

use crate::crash_disk::{CrashDisk, OUTCOMES, Unsynced};
use crate::ops::{State, draws, history};

pub(crate) const TESTS: &[Test] = tests![
    a_crash_at_any_call_loses_nothing,
    what_was_read_back_is_durable,
    the_rest_of_a_failed_checkpoint_does_no_harm,
    two_images_are_kept_and_the_segments_after_the_older_one,
    as_many_images_are_kept_as_the_config_says,
    a_checkpoint_without_new_edits_changes_nothing,
    a_damaged_image_is_replaced_by_the_older_one_and_the_log,
    a_checkpoint_does_not_count_a_damaged_image_as_one,
    without_a_good_image_it_says_which_file_is_damaged_and_where,
    damage_in_a_finished_segment_is_never_a_torn_tail,
    a_missing_segment_is_named,
    a_formatted_directory_is_not_formatted_again,
    files_of_two_file_systems_are_not_mixed,
    a_checkpoint_is_due_after_many_edits_or_a_long_time,
    an_image_is_as_good_as_the_log,
];

/// One history for all tests here: each op as (kind, path, path).
fn ops() -> Vec<EditOp> {
    let draws: Vec<(u8, u8, u8)> = (0..=255)
        .map(|i: u8| (i % 11, i.wrapping_mul(13) % 29, i % 31))
        .collect();
    let mut ops = history(&draws);
    assert!(ops.len() >= 24, "{}", ops.len());
    ops.truncate(24);
    ops
}

/// Edits in a batch, and batches in a segment.
const BATCH: usize = 2;
const SEGMENT: usize = 3;

/// Formats, opens, and writes `ops`, with a checkpoint after every other segment. `acknowledged` is the last transaction that
/// anybody may have heard of.
fn run(disk: &mut CrashDisk, ops: &[EditOp], acknowledged: &mut usize) -> Result<(), StorageError> {
    storage::format(disk, &mut Rng::new(1))?;
    let loaded = storage::open(disk)?;
    write(
        disk,
        GroupCommit::new(loaded.segment, loaded.last),
        ops,
        acknowledged,
    )
}

fn write(
    disk: &mut CrashDisk,
    mut log: GroupCommit,
    ops: &[EditOp],
    acknowledged: &mut usize,
) -> Result<(), StorageError> {
    for (count, batch) in (1..).zip(ops.chunks(BATCH)) {
        for op in batch {
            log.append(op);
        }
        if count % SEGMENT == 0 {
            log.request_roll();
        }
        let batch = log.begin_sync().expect("edits wait");
        batch.write(disk)?;
        log.end_sync(&batch);
        *acknowledged = usize::try_from(log.synced_txid().0).expect("few transactions");
        if batch.roll.is_some() && count % (2 * SEGMENT) == 0 {
            checkpoint(&Config::default(), disk)?;
        }
    }
    Ok(())
}

fn written(ops: &[EditOp]) -> CrashDisk {
    let mut disk = CrashDisk::default();
    run(&mut disk, ops, &mut 0).expect("the disk works");
    disk
}

fn names(disk: &CrashDisk, prefix: &str) -> Vec<String> {
    let names = disk.list("current").expect("the disk works").into_iter();
    names
        .filter(|name| name.starts_with(prefix))
        .map(|name| format!("current/{name}"))
        .collect()
}

/// Opens the disk and expects a prefix of `ops` that holds at least the acknowledged ones; returns its length.
fn expect_recovery(disk: &mut CrashDisk, ops: &[EditOp], acknowledged: usize, when: &str) -> usize {
    let loaded = storage::open(disk)
        .unwrap_or_else(|e| panic!("{when}, the NameNode should come up, but: {e}"));
    let last = usize::try_from(loaded.last.0).expect("few transactions");
    assert!(
        last >= acknowledged,
        "{when}, transaction {acknowledged} was acknowledged, but {last} is the last one left"
    );
    let state = State {
        namespace: loaded.namespace,
        blocks: loaded.blocks,
    };
    assert_eq!(
        state.durable(),
        State::after(&ops[..last]).durable(),
        "{when}"
    );
    last
}

fn a_crash_at_any_call_loses_nothing() {
    let ops = ops();
    let calls = written(&ops).calls;
    for crash_at in 0..calls {
        let mut disk = CrashDisk::default().crashing_at(crash_at);
        let mut acknowledged = 0;
        run(&mut disk, &ops, &mut acknowledged).expect_err("the disk crashes on the way");
        for unsynced in OUTCOMES {
            let mut disk = disk.restarted(unsynced);
            let when = format!(
                "after a crash at call {crash_at} of {calls}, unsynced writes {unsynced:?}"
            );
            if !disk.exists("current/VERSION") {
                assert_eq!(acknowledged, 0, "{when}: the file system is gone");
                storage::format(&mut disk, &mut Rng::new(2))
                    .expect("what was formatted in part can be formatted");
            }
            let mut acknowledged = acknowledged;
            // It may crash again while it comes up, and then again while it goes on.
            for again in 0..8 {
                let mut disk = disk.crashing_at(again);
                if storage::open(&mut disk).is_ok() {
                    break;
                }
                let mut disk = disk.restarted(unsynced);
                expect_recovery(
                    &mut disk,
                    &ops,
                    acknowledged,
                    &format!("{when}, and at call {again} of opening"),
                );
            }
            let last = expect_recovery(&mut disk, &ops, acknowledged, &when);
            let loaded = storage::open(&mut disk).expect("it came up before");
            let log = GroupCommit::new(loaded.segment, loaded.last);
            write(&mut disk, log, &ops[last..], &mut acknowledged).expect("the disk works");
            expect_recovery(
                &mut disk.restarted(unsynced),
                &ops,
                ops.len(),
                &format!("{when}, and going on"),
            );
        }
    }
}

fn what_was_read_back_is_durable() {
    let ops = ops();
    let calls = written(&ops).calls;
    for crash_at in 0..calls {
        let mut disk = CrashDisk::default().crashing_at(crash_at);
        run(&mut disk, &ops, &mut 0).expect_err("the disk crashes on the way");
        // First the process dies, and its successor reads what the operating system still has. Then the power fails.
        let mut disk = disk.process_restarted();
        let Ok(loaded) = storage::open(&mut disk) else {
            assert!(
                !disk.exists("current/VERSION"),
                "after a crash at call {crash_at}"
            );
            continue;
        };
        let last = usize::try_from(loaded.last.0).expect("few transactions");
        let when = format!("after a crash at call {crash_at}, a start, and a power failure");
        expect_recovery(&mut disk.restarted(Unsynced::Lost), &ops, last, &when);
    }
}

fn the_rest_of_a_failed_checkpoint_does_no_harm() {
    let ops = ops();
    let mut disk = written(&ops);
    let mut images = names(&disk, "fsimage_");
    let newest = images.pop().unwrap();
    disk.remove(&newest).unwrap();
    disk.write_at(&format!("{newest}.ckpt"), 0, &[7; 100_000])
        .unwrap();
    assert_eq!(checkpoint(&Config::default(), &mut disk), Ok(TxId(24)));
    disk.remove(&images.pop().unwrap()).unwrap();
    expect_recovery(
        &mut disk,
        &ops,
        ops.len(),
        "with the image that was made in spite of the rest of another one",
    );
}

fn two_images_are_kept_and_the_segments_after_the_older_one() {
    let disk = written(&ops());
    assert_eq!(
        names(&disk, "fsimage_"),
        [
            "current/fsimage_0000000000000000012",
            "current/fsimage_0000000000000000024"
        ]
    );
    assert_eq!(
        names(&disk, "edits_"),
        [
            "current/edits_0000000000000000013-0000000000000000018",
            "current/edits_0000000000000000019-0000000000000000024",
            "current/edits_inprogress_0000000000000000025"
        ],
        "what the older image needs stays, what no image needs goes"
    );
}

fn as_many_images_are_kept_as_the_config_says() {
    for retained in [1, 3] {
        let mut disk = written(&ops());
        let config = Config {
            checkpoints_retained: retained,
            ..Config::default()
        };
        for (at, op) in (25..).zip(history_after(&ops())) {
            let loaded = storage::open(&mut disk).unwrap();
            let mut log = GroupCommit::new(loaded.segment, loaded.last);
            log.append(&op);
            log.request_roll();
            log.begin_sync().unwrap().write(&mut disk).unwrap();
            assert_eq!(
                checkpoint(&config, &mut disk),
                Ok(TxId(at)),
                "the image reaches to the end of the segment"
            );
        }
        assert_eq!(names(&disk, "fsimage_").len(), retained);
    }
}

/// Four more ops that fit after `ops`.
fn history_after(ops: &[EditOp]) -> Vec<EditOp> {
    let next = State::after(ops).namespace.last_inode().0 + 1;
    (next..next + 4)
        .map(|inode| crate::ops::mkdir(inode, &format!("/new{inode}")))
        .collect()
}

fn a_checkpoint_without_new_edits_changes_nothing() {
    let mut disk = written(&ops());
    let before = disk.list("current");
    assert_eq!(checkpoint(&Config::default(), &mut disk), Ok(TxId(24)));
    assert_eq!(disk.list("current"), before);
}

fn a_damaged_image_is_replaced_by_the_older_one_and_the_log() {
    let ops = ops();
    let disk = written(&ops);
    let newest = names(&disk, "fsimage_").pop().unwrap();
    let len = usize::try_from(disk.len(&newest).unwrap()).unwrap();
    for at in 0..len {
        let mut damaged = disk.clone();
        damaged.file_mut(&newest)[at] ^= 0x10;
        expect_recovery(
            &mut damaged,
            &ops,
            ops.len(),
            &format!("byte {at} of the newest image is damaged"),
        );
        let mut cut = disk.clone();
        cut.file_mut(&newest).truncate(at);
        expect_recovery(
            &mut cut,
            &ops,
            ops.len(),
            &format!("the newest image ends after {at} bytes"),
        );
    }
}

fn a_checkpoint_does_not_count_a_damaged_image_as_one() {
    let ops = ops();
    let mut disk = written(&ops);
    let images = names(&disk, "fsimage_");
    disk.file_mut(&images[1])[20] ^= 1;
    assert_eq!(checkpoint(&Config::default(), &mut disk), Ok(TxId(24)));
    // Whichever of the two is damaged next, the other one still does.
    for image in names(&disk, "fsimage_") {
        let mut disk = disk.clone();
        disk.file_mut(&image)[20] ^= 1;
        expect_recovery(
            &mut disk,
            &ops,
            ops.len(),
            &format!("{image} is damaged too"),
        );
    }
}

fn without_a_good_image_it_says_which_file_is_damaged_and_where() {
    let mut disk = written(&ops());
    for image in names(&disk, "fsimage_") {
        disk.file_mut(&image)[20] ^= 1;
    }
    match storage::open(&mut disk) {
        Err(StorageError::Corrupt { file, .. }) => {
            assert_eq!(file, "current/fsimage_0000000000000000024");
        }
        other => panic!("no image is good, but: {other:?}"),
    }
}

fn damage_in_a_finished_segment_is_never_a_torn_tail() {
    let disk = written(&ops());
    let (image, segment) = (
        names(&disk, "fsimage_").pop().unwrap(),
        names(&disk, "edits_0").pop().unwrap(),
    );
    let len = usize::try_from(disk.len(&segment).unwrap()).unwrap();
    for at in 0..len {
        for cut in [false, true] {
            let mut damaged = disk.clone();
            // So that the segment is needed.
            damaged.remove(&image).unwrap();
            match cut {
                true => damaged.file_mut(&segment).truncate(at),
                false => damaged.file_mut(&segment)[at] ^= 1,
            }
            let before = damaged.clone();
            match storage::open(&mut damaged) {
                Err(StorageError::Corrupt { file, offset, .. }) => {
                    assert_eq!(file, segment, "the error should name the file");
                    assert!(
                        offset <= at as u64,
                        "byte {at} is damaged, but the error says {offset}"
                    );
                }
                other => panic!(
                    "byte {at} of {segment} is damaged, its edits were acknowledged, but: {other:?}"
                ),
            }
            assert_eq!(
                damaged.calls, before.calls,
                "nothing is changed on a disk that a human must look at"
            );
        }
    }
}

fn a_missing_segment_is_named() {
    let mut disk = written(&ops());
    let (image, segment) = (
        names(&disk, "fsimage_").pop().unwrap(),
        names(&disk, "edits_0").pop().unwrap(),
    );
    disk.remove(&segment).unwrap();
    expect_recovery(
        &mut disk.clone(),
        &ops(),
        24,
        "the newest image is good, and does not need the segment",
    );
    disk.remove(&image).unwrap();
    match storage::open(&mut disk) {
        Err(StorageError::MissingEdits { from, until, .. }) => {
            assert_eq!((from, until), (TxId(19), TxId(24)));
        }
        other => panic!("transactions 19 to 24 are missing, but: {other:?}"),
    }
}

fn a_formatted_directory_is_not_formatted_again() {
    let mut disk = written(&ops());
    let before = disk.calls;
    let answer = storage::format(&mut disk, &mut Rng::new(3));
    assert!(
        matches!(answer, Err(StorageError::AlreadyFormatted(_))),
        "{answer:?}"
    );
    assert_eq!(disk.calls, before, "nothing may be touched");
    // Nor one that has lost its VERSION alone.
    disk.remove("current/VERSION").unwrap();
    let answer = storage::format(&mut disk, &mut Rng::new(3));
    assert!(
        matches!(answer, Err(StorageError::AlreadyFormatted(_))),
        "{answer:?}"
    );
    let unformatted = NameNode::load(
        Config::default(),
        &mut CrashDisk::default(),
        node::Time::ZERO,
    );
    assert_eq!(unformatted.err(), Some(StorageError::NotFormatted));
}

fn files_of_two_file_systems_are_not_mixed() {
    let mut disk = written(&ops());
    let mut other = CrashDisk::default();
    storage::format(&mut other, &mut Rng::new(99)).unwrap();
    *disk.file_mut("current/VERSION") = other.read("current/VERSION").unwrap();
    let answer = storage::open(&mut disk);
    assert!(
        answer.is_err(),
        "VERSION is another file system's, but: {answer:?}"
    );
}

fn a_checkpoint_is_due_after_many_edits_or_a_long_time() {
    let config = Config::default();
    let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(86_400));
    for (txns, age, due) in [
        (0, day, false),
        (1, hour - Duration::from_secs(1), false),
        (1, hour, true),
        (999_999, Duration::ZERO, false),
        (1_000_000, Duration::ZERO, true),
    ] {
        assert_eq!(
            checkpoint_due(&config, txns, age),
            due,
            "after {txns} transactions and {age:?}"
        );
    }
}

proptest! {
    #![proptest_config(autograder::property(50))]

    fn an_image_is_as_good_as_the_log(draws in draws(150)) {
        let ops = history(&draws);
        let mut disk = written(&ops);
        let last = expect_recovery(&mut disk, &ops, ops.len(), "after all checkpoints");
        prop_assert_eq!(last, ops.len());
    }
}
