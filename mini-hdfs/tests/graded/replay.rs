//! Replay: what the log says is what there is.

use autograder::{Test, tests};
use mini_hdfs::block::{Block, BlockId, GenerationStamp, InodeId, TxId};
use mini_hdfs::namenode::blocks::BlockState;
use mini_hdfs::namenode::edit_log::encode;
use mini_hdfs::namenode::edit_op::EditOp;
use mini_hdfs::namenode::storage::{self, Loaded, StorageError};
use node::{Disk, MemDisk, Rng};
use proptest::prelude::*;

use crate::ops::{State, add, draws, history, mkdir};

pub(crate) const TESTS: &[Test] = tests![
    directories_and_files_come_with_what_the_op_says,
    a_new_block_commits_the_one_before,
    closing_makes_all_blocks_complete,
    update_blocks_gives_the_last_block_up_or_a_new_generation,
    deleting_takes_the_blocks_along,
    replication_and_counters_are_durable,
    what_contradicts_the_state_is_refused,
    a_log_cut_anywhere_gives_back_what_was_whole,
    an_op_that_cannot_be_is_named_with_its_place,
    recovery_gives_back_what_was_there,
];

const FILE: InodeId = InodeId(20002);
const FIRST: Block = Block::new(1 << 31, 1001, 0);
const SECOND: Block = Block::new((1 << 31) + 1, 1002, 0);

fn finished(block: Block, len: u64) -> Block {
    Block { len, ..block }
}

/// `/d/f`, with one block under construction.
fn one_block() -> State {
    State::after(&[
        mkdir(20001, "/d"),
        add(FILE.0, "/d/f"),
        EditOp::AddBlock {
            inode: FILE,
            previous: None,
            block: FIRST,
        },
    ])
}

fn do_op(state: &mut State, op: &EditOp) {
    state
        .apply(op)
        .unwrap_or_else(|e| panic!("{op:?} should be applied, but: {e}"));
}

fn directories_and_files_come_with_what_the_op_says() {
    let state = State::after(&[mkdir(20001, "/d"), add(20002, "/d/f")]);
    let dir = state.namespace.require("/d").unwrap();
    assert_eq!((dir.id, dir.permission.mode), (InodeId(20001), 0o750));
    assert_eq!(
        dir.modified_ms, 20002,
        "a directory changes when an entry comes"
    );
    let (id, file) = state.namespace.require_file("/d/f").unwrap();
    assert_eq!(id, InodeId(20002));
    assert_eq!((file.replication, file.block_size), (3, 1 << 20));
    assert_eq!(
        file.client.as_deref(),
        Some("writer"),
        "the file is open until it is closed"
    );
    assert_eq!(
        state.namespace.last_inode(),
        InodeId(20002),
        "ids that were used are not handed out again"
    );
}

fn a_new_block_commits_the_one_before() {
    let mut state = one_block();
    let previous = finished(FIRST, 1 << 20);
    do_op(
        &mut state,
        &EditOp::AddBlock {
            inode: FILE,
            previous: Some(previous),
            block: SECOND,
        },
    );
    let first = state.blocks.get(FIRST.id).unwrap();
    assert_eq!(
        (first.block, first.state),
        (previous, BlockState::Committed)
    );
    let second = state.blocks.get(SECOND.id).unwrap();
    assert_eq!(
        (second.block, second.state),
        (SECOND, BlockState::UnderConstruction)
    );
    assert_eq!(
        (second.inode, second.replication),
        (FILE, 3),
        "a block is its file's, and has its replication"
    );
    let (_, file) = state.namespace.require_file("/d/f").unwrap();
    assert_eq!(file.blocks, [FIRST.id, SECOND.id]);
}

fn closing_makes_all_blocks_complete() {
    let mut state = one_block();
    let last = finished(FIRST, 5);
    do_op(
        &mut state,
        &EditOp::Close {
            inode: FILE,
            last: Some(last),
            time_ms: 99,
        },
    );
    let info = state.blocks.get(FIRST.id).unwrap();
    assert_eq!((info.block, info.state), (last, BlockState::Complete));
    assert_eq!(
        state.namespace.require_file("/d/f").unwrap().1.client,
        None,
        "nobody writes it any more"
    );
    assert_eq!(state.namespace.require("/d/f").unwrap().modified_ms, 99);
}

fn update_blocks_gives_the_last_block_up_or_a_new_generation() {
    let mut state = one_block();
    let rebuilt = Block {
        generation: GenerationStamp(1007),
        len: 3,
        ..FIRST
    };
    do_op(
        &mut state,
        &EditOp::UpdateBlocks {
            inode: FILE,
            blocks: vec![rebuilt],
        },
    );
    let info = state.blocks.get(FIRST.id).unwrap();
    assert_eq!(
        (info.block, info.state),
        (rebuilt, BlockState::UnderConstruction)
    );
    do_op(
        &mut state,
        &EditOp::UpdateBlocks {
            inode: FILE,
            blocks: vec![],
        },
    );
    assert!(
        state.blocks.get(FIRST.id).is_none(),
        "the block belongs to no file any more"
    );
    assert!(
        state.blocks.last_id() >= FIRST.id,
        "its id is not handed out again all the same"
    );
    assert!(
        state.blocks.last_generation() >= GenerationStamp(1007),
        "nor is its generation"
    );
}

fn deleting_takes_the_blocks_along() {
    let mut state = one_block();
    do_op(
        &mut state,
        &EditOp::Delete {
            path: "/d".into(),
            time_ms: 99,
        },
    );
    assert!(
        state.namespace.is_empty(),
        "a directory goes with all that is in it"
    );
    assert!(state.blocks.is_empty(), "so do the blocks of its files");
}

fn replication_and_counters_are_durable() {
    let mut state = one_block();
    do_op(
        &mut state,
        &EditOp::SetReplication {
            path: "/d/f".into(),
            replication: 2,
        },
    );
    assert_eq!(state.blocks.get(FIRST.id).unwrap().replication, 2);
    assert_eq!(
        state.namespace.require_file("/d/f").unwrap().1.replication,
        2
    );
    do_op(&mut state, &EditOp::AllocateBlockId(BlockId(1 << 40)));
    do_op(
        &mut state,
        &EditOp::SetGenerationStamp(GenerationStamp(5000)),
    );
    assert_eq!(
        (state.blocks.last_id(), state.blocks.last_generation()),
        (BlockId(1 << 40), GenerationStamp(5000))
    );
}

fn what_contradicts_the_state_is_refused() {
    let ops = [
        mkdir(20001, "/again"),
        mkdir(30000, "/d"),
        mkdir(30000, "/no/parent"),
        add(30000, "/d/f/below a file"),
        EditOp::AddBlock {
            inode: FILE,
            previous: None,
            block: SECOND,
        },
        EditOp::AddBlock {
            inode: FILE,
            previous: Some(SECOND),
            block: SECOND,
        },
        EditOp::AddBlock {
            inode: InodeId(1),
            previous: None,
            block: SECOND,
        },
        EditOp::Close {
            inode: FILE,
            last: None,
            time_ms: 0,
        },
        EditOp::Close {
            inode: InodeId(20001),
            last: None,
            time_ms: 0,
        },
        EditOp::UpdateBlocks {
            inode: FILE,
            blocks: vec![SECOND],
        },
        EditOp::Rename {
            from: "/d".into(),
            to: "/d/x".into(),
            time_ms: 0,
        },
        EditOp::Rename {
            from: "/x".into(),
            to: "/y".into(),
            time_ms: 0,
        },
        EditOp::Delete {
            path: "/".into(),
            time_ms: 0,
        },
        EditOp::SetReplication {
            path: "/d".into(),
            replication: 1,
        },
    ];
    for op in ops {
        assert!(
            one_block().apply(&op).is_err(),
            "{op:?} cannot be, where only /d/f with one block is"
        );
    }
}

/// A formatted disk whose log holds these bytes.
fn disk_with_log(log: &[u8]) -> MemDisk {
    let mut disk = MemDisk::default();
    storage::format(&mut disk, &mut Rng::new(1)).expect("the disk is empty");
    disk.write_at("current/edits_inprogress_0000000000000000001", 0, log)
        .expect("the disk works");
    disk
}

fn log_of(ops: &[EditOp]) -> Vec<u8> {
    let mut log = Vec::new();
    for (txid, op) in (1..).zip(ops) {
        encode(TxId(txid), op, &mut log);
    }
    log
}

fn state_of(loaded: Loaded) -> State {
    State {
        namespace: loaded.namespace,
        blocks: loaded.blocks,
    }
}

fn a_fixed_history() -> Vec<EditOp> {
    let draws: Vec<(u8, u8, u8)> = (0..400u16)
        .map(|i| {
            let byte = |n: u16| u8::try_from(n % 256).expect("below 256");
            (byte(i * 7 % 11), byte(i * 13 % 29), byte(i * 5 % 31))
        })
        .collect();
    history(&draws)
}

fn a_log_cut_anywhere_gives_back_what_was_whole() {
    let mut ops = a_fixed_history();
    assert!(ops.len() >= 20, "{}", ops.len());
    ops.truncate(30);
    let log = log_of(&ops);
    let mut whole = 0;
    for cut in 0..=log.len() {
        while whole < ops.len() && log_of(&ops[..=whole]).len() <= cut {
            whole += 1;
        }
        let mut disk = disk_with_log(&log[..cut]);
        let loaded = storage::open(&mut disk).unwrap_or_else(|e| {
            panic!("a log cut after {cut} bytes is what a crash leaves, but: {e}")
        });
        assert_eq!(
            loaded.last,
            TxId(whole as u64),
            "the log is cut after {cut} bytes"
        );
        assert_eq!(
            state_of(loaded).durable(),
            State::after(&ops[..whole]).durable()
        );
        let left = disk
            .len("current/edits_inprogress_0000000000000000001")
            .unwrap();
        assert_eq!(
            left,
            log_of(&ops[..whole]).len() as u64,
            "the torn tail is cut off, so that new edits can follow"
        );
    }
}

fn an_op_that_cannot_be_is_named_with_its_place() {
    let good = log_of(&[mkdir(20001, "/d")]);
    let log = log_of(&[
        mkdir(20001, "/d"),
        mkdir(20001, "/again"),
        mkdir(20002, "/e"),
    ]);
    match storage::open(&mut disk_with_log(&log)) {
        Err(StorageError::Corrupt { file, offset, .. }) => {
            assert_eq!(file, "current/edits_inprogress_0000000000000000001");
            assert_eq!(offset, good.len() as u64, "where the second record begins");
        }
        other => panic!("transaction 2 makes an inode that is there already, but: {other:?}"),
    }
}

proptest! {
    #![proptest_config(autograder::property(100))]

    fn recovery_gives_back_what_was_there(draws in draws(120)) {
        let ops = history(&draws);
        let mut disk = disk_with_log(&log_of(&ops));
        let loaded = storage::open(&mut disk).expect("the log is whole");
        prop_assert_eq!(loaded.last, TxId(ops.len() as u64));
        prop_assert_eq!(state_of(loaded).durable(), State::after(&ops).durable());
    }
}
