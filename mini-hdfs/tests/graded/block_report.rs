//! Block reports: what is on a disk against what should be.

use std::ops::RangeInclusive;

use autograder::{Test, tests};
use mini_hdfs::block::{Block, BlockId, DatanodeId, InodeId, ReplicaState};
use mini_hdfs::namenode::block_report::{ReportDiff, report_diff};
use mini_hdfs::namenode::blocks::{BlockState, BlocksMap};
use mini_hdfs::protocol::ReportedReplica;

use BlockState::{Committed, Complete, UnderConstruction};
use ReplicaState::{Finalized, Rbw, Rwr};

pub(crate) const TESTS: &[Test] = tests![
    block_report_adds_what_is_good_and_new,
    block_report_removes_what_is_not_there,
    block_report_passes_over_copies_that_are_arriving,
    block_report_deletes_what_belongs_to_no_file,
    block_report_finds_wrong_versions,
    block_report_keeps_what_is_known_to_be_bad,
    block_report_leaves_writes_in_progress_alone,
    block_report_may_be_older_than_what_is_known,
    block_report_of_a_part_says_nothing_of_the_rest,
    block_report_of_many_blocks_takes_no_longer_than_it_must,
];

const NODE: DatanodeId = DatanodeId(1);
const ALL: RangeInclusive<BlockId> = BlockId(0)..=BlockId(u64::MAX);

/// Block 1 of generation 1005 and 100 bytes, in this state.
fn map(state: BlockState) -> BlocksMap {
    let mut blocks = BlocksMap::default();
    let len = if state == UnderConstruction { 0 } else { 100 };
    blocks.insert(Block::new(1, 1005, len), InodeId(9), 3, state);
    blocks
}

fn replica(id: u64, generation: u64, len: u64, state: ReplicaState) -> ReportedReplica {
    ReportedReplica {
        block: Block::new(id, generation, len),
        state,
    }
}

fn nothing() -> ReportDiff {
    ReportDiff::default()
}

fn check(blocks: &BlocksMap, report: &[ReportedReplica], expected: &ReportDiff, why: &str) {
    assert_eq!(&report_diff(blocks, NODE, &ALL, report), expected, "{why}");
}

fn block_report_adds_what_is_good_and_new() {
    for state in [Committed, Complete] {
        let mut blocks = map(state);
        let report = [replica(1, 1005, 100, Finalized)];
        let found = ReportDiff {
            to_add: vec![report[0].block],
            ..nothing()
        };
        check(
            &blocks,
            &report,
            &found,
            "a good replica that was not known is added",
        );
        blocks.add_replica(BlockId(1), NODE);
        check(
            &blocks,
            &report,
            &nothing(),
            "one that was known is no news",
        );
    }
}

fn block_report_removes_what_is_not_there() {
    let mut blocks = map(Complete);
    blocks.insert(Block::new(2, 1006, 5), InodeId(9), 3, Complete);
    blocks.insert(Block::new(3, 1007, 5), InodeId(9), 3, Complete);
    blocks.add_replica(BlockId(1), NODE);
    blocks.add_corrupt(Block::new(2, 1006, 5), NODE);
    blocks.add_replica(BlockId(3), DatanodeId(2));
    let lost = ReportDiff {
        to_remove: vec![BlockId(1), BlockId(2)],
        ..nothing()
    };
    check(
        &blocks,
        &[],
        &lost,
        "an empty disk holds neither good nor corrupt replicas; others' replicas are no concern",
    );
}

fn block_report_passes_over_copies_that_are_arriving() {
    let mut blocks = map(Complete);
    let arriving = [replica(1, 1005, 100, ReplicaState::Temporary)];
    check(
        &blocks,
        &arriving,
        &nothing(),
        "a copy that is still arriving is no replica yet",
    );
    blocks.add_replica(BlockId(1), NODE);
    let lost = ReportDiff {
        to_remove: vec![BlockId(1)],
        ..nothing()
    };
    check(
        &blocks,
        &arriving,
        &lost,
        "the replica that was known is gone, and a copy that is still arriving does not stand for it",
    );
}

fn block_report_deletes_what_belongs_to_no_file() {
    for state in [Finalized, Rbw, Rwr] {
        let report = [replica(7, 1003, 8, state)];
        let orphan = ReportDiff {
            to_invalidate: vec![report[0].block],
            ..nothing()
        };
        check(&map(Complete), &report, &orphan, "block 7 does not exist");
    }
}

fn block_report_finds_wrong_versions() {
    for wrong in [
        replica(1, 1004, 100, Finalized),
        replica(1, 1006, 100, Finalized),
        replica(1, 1005, 99, Finalized),
        replica(1, 1005, 101, Finalized),
        replica(1, 1004, 50, Rbw),
        replica(1, 1005, 100, Rwr),
    ] {
        let corrupt = ReportDiff {
            to_corrupt: vec![wrong.block],
            ..nothing()
        };
        let why =
            format!("the block is of generation 1005 with 100 bytes, so this is bad: {wrong:?}");
        check(&map(Complete), &[wrong], &corrupt, &why);
    }
    let mut blocks = map(Complete);
    blocks.add_replica(BlockId(1), NODE);
    let shorter = replica(1, 1005, 99, Finalized);
    let corrupt = ReportDiff {
        to_corrupt: vec![shorter.block],
        ..nothing()
    };
    check(
        &blocks,
        &[shorter],
        &corrupt,
        "a known replica that has become shorter is bad",
    );
}

fn block_report_keeps_what_is_known_to_be_bad() {
    let mut blocks = map(Complete);
    blocks.add_corrupt(Block::new(1, 1005, 100), NODE);
    let same = replica(1, 1005, 100, Finalized);
    check(
        &blocks,
        &[same],
        &nothing(),
        "a report does not read the bytes, so the replica stays corrupt",
    );

    let mut blocks = map(Complete);
    blocks.add_corrupt(Block::new(1, 1004, 100), NODE);
    let healed = ReportDiff {
        to_add: vec![same.block],
        ..nothing()
    };
    check(
        &blocks,
        &[same],
        &healed,
        "a newer replica has taken the place of the bad one",
    );
}

fn block_report_leaves_writes_in_progress_alone() {
    let mut blocks = map(UnderConstruction);
    blocks.set_pipeline(BlockId(1), vec![NODE, DatanodeId(2)]);
    check(
        &blocks,
        &[],
        &nothing(),
        "the replica may be younger than the report",
    );
    for state in [Rbw, Finalized] {
        let report = [replica(1, 1005, 60, state)];
        let written = ReportDiff {
            under_construction: report.to_vec(),
            ..nothing()
        };
        check(&blocks, &report, &written, "its length is not known yet");
    }
    let late = [replica(1, 1004, 60, Rbw)];
    check(
        &blocks,
        &late,
        &nothing(),
        "sent before the pipeline was rebuilt",
    );

    blocks.set_pipeline(BlockId(1), vec![DatanodeId(2), DatanodeId(3)]);
    let left_behind = ReportDiff {
        to_corrupt: vec![late[0].block],
        ..nothing()
    };
    check(
        &blocks,
        &late,
        &left_behind,
        "it is not in the rebuilt pipeline",
    );

    let mut blocks = map(Committed);
    blocks.set_pipeline(BlockId(1), vec![NODE]);
    blocks.add_replica(BlockId(1), NODE);
    check(
        &blocks,
        &[],
        &nothing(),
        "the replica may have been finalised after the report was made",
    );
}

fn block_report_may_be_older_than_what_is_known() {
    let mut blocks = map(Complete);
    let slow = replica(1, 1005, 100, Rbw);
    check(&blocks, &[slow], &nothing(), "it will be finalised soon");
    blocks.add_replica(BlockId(1), NODE);
    check(&blocks, &[slow], &nothing(), "it is known to be finalised");
    let old = replica(1, 1004, 100, Finalized);
    check(
        &blocks,
        &[old],
        &nothing(),
        "generations on a node never fall, so this is old news",
    );
}

fn block_report_of_a_part_says_nothing_of_the_rest() {
    let mut blocks = BlocksMap::default();
    for id in 1..=9 {
        blocks.insert(Block::new(id, 1005, 100), InodeId(9), 3, Complete);
        blocks.add_replica(BlockId(id), NODE);
    }
    blocks.add_corrupt(Block::new(8, 1005, 100), NODE);
    let part = BlockId(4)..=BlockId(6);
    let report = [replica(5, 1005, 100, Finalized)];
    assert_eq!(
        report_diff(&blocks, NODE, &part, &report).to_remove,
        [BlockId(4), BlockId(6)],
        "the part is that of blocks 4 to 6, and lists 5 alone; others come in other parts"
    );
    let empty = report_diff(&blocks, NODE, &(BlockId(10)..=BlockId(20)), &[]);
    assert_eq!(
        empty,
        nothing(),
        "nothing is held there, and nothing listed"
    );
}

/// A comparison of each reported replica with each that is known would take hours here.
fn block_report_of_many_blocks_takes_no_longer_than_it_must() {
    let mut blocks = BlocksMap::default();
    let mut report = Vec::new();
    for id in 0..200_000 {
        blocks.insert(Block::new(id, 1001, 1), InodeId(9), 3, Complete);
        if id % 2 == 0 {
            blocks.add_replica(BlockId(id), NODE);
        }
        if id % 3 == 0 {
            report.push(replica(id, 1001, 1, Finalized));
        }
    }
    let diff = report_diff(&blocks, NODE, &ALL, &report);
    assert!(diff.to_add.iter().all(|block| block.id.0 % 6 == 3));
    assert_eq!((diff.to_add.len(), diff.to_remove.len()), (33_333, 66_666));
}
