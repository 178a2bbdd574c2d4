//! A NameNode's directory with a history in it: formatted, written batch by batch, with checkpoints on the way.

use mini_hdfs::block::TxId;
use mini_hdfs::namenode::Config;
use mini_hdfs::namenode::edit_log::{encode, finalized_name, in_progress_name};
use mini_hdfs::namenode::edit_op::EditOp;
use mini_hdfs::namenode::group_commit::{Batch, Roll};
use mini_hdfs::namenode::storage::{self, Loaded, StorageError, checkpoint, in_current};
use node::{Disk, Rng};

use crate::crash_disk::CrashDisk;
use crate::ops::{State, history};

/// One history for all tests here: each op as (kind, path, path).
pub(crate) fn ops() -> Vec<EditOp> {
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
pub(crate) fn run(
    disk: &mut CrashDisk,
    ops: &[EditOp],
    acknowledged: &mut usize,
) -> Result<(), StorageError> {
    storage::format(disk, &mut Rng::new(1))?;
    let loaded = storage::open(disk)?;
    write(disk, &loaded, ops, acknowledged)
}

/// Goes on where `loaded` ends.
pub(crate) fn write(
    disk: &mut CrashDisk,
    loaded: &Loaded,
    ops: &[EditOp],
    acknowledged: &mut usize,
) -> Result<(), StorageError> {
    let (mut segment, mut last) = (loaded.segment, loaded.last);
    for (count, edits) in (1..).zip(ops.chunks(BATCH)) {
        let roll = count % SEGMENT == 0;
        write_batch(disk, edits, &mut segment, &mut last, roll)?;
        *acknowledged = usize::try_from(last.0).expect("few transactions");
        if roll && count % (2 * SEGMENT) == 0 {
            checkpoint(&Config::default(), disk)?;
        }
    }
    Ok(())
}

/// Appends these edits to the segment, and ends it if `roll` says so: what group commit does.
pub(crate) fn write_batch(
    disk: &mut CrashDisk,
    edits: &[EditOp],
    segment: &mut TxId,
    last: &mut TxId,
    roll: bool,
) -> Result<(), StorageError> {
    let mut bytes = Vec::new();
    for op in edits {
        last.0 += 1;
        encode(*last, op, &mut bytes);
    }
    let file = in_current(&in_progress_name(*segment));
    let next = TxId(last.0 + 1);
    let roll = roll.then(|| Roll {
        finalized: in_current(&finalized_name(*segment, *last)),
        next: in_current(&in_progress_name(next)),
    });
    if roll.is_some() {
        *segment = next;
    }
    let batch = Batch {
        file,
        bytes,
        last: *last,
        roll,
    };
    Ok(batch.write(disk)?)
}

pub(crate) fn written(ops: &[EditOp]) -> CrashDisk {
    let mut disk = CrashDisk::default();
    run(&mut disk, ops, &mut 0).expect("the disk works");
    disk
}

pub(crate) fn names(disk: &CrashDisk, prefix: &str) -> Vec<String> {
    let names = disk.list("current").expect("the disk works").into_iter();
    names
        .filter(|name| name.starts_with(prefix))
        .map(|name| format!("current/{name}"))
        .collect()
}

/// Opens the disk and expects a prefix of `ops` that holds at least the acknowledged ones; returns its length.
pub(crate) fn expect_recovery(
    disk: &mut CrashDisk,
    ops: &[EditOp],
    acknowledged: usize,
    when: &str,
) -> usize {
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
    state.expect(&State::after(&ops[..last]), when);
    last
}
