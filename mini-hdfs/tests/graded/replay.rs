//! Replay: what the log says is what there is.

use autograder::{Test, tests};
use mini_hdfs::block::{Block, BlockId, GenerationStamp, InodeId, TxId};
use mini_hdfs::namenode::blocks::{BlockInfo, BlockState};
use mini_hdfs::namenode::edit_log::encode;
use mini_hdfs::namenode::edit_op::{EditOp, apply, replay};
use mini_hdfs::namenode::fsimage::{self, Image};
use mini_hdfs::namenode::namespace::FileInode;
use mini_hdfs::namenode::storage::{self, Loaded, StorageError};
use node::{Disk, MemDisk};
use proptest::prelude::*;

use crate::ops::{State, add, draws, history, mkdir};

pub(crate) const TESTS: &[Test] = tests![
    a_new_block_commits_the_one_before,
    a_block_has_the_replication_of_its_file,
    a_committed_block_is_not_committed_otherwise,
    closing_makes_all_blocks_complete,
    update_blocks_gives_the_last_block_up_or_a_new_generation,
    update_blocks_leaves_the_state_of_those_that_stay,
    deleting_takes_the_blocks_along,
    replication_and_counters_are_durable,
    what_contradicts_the_state_is_refused,
    what_the_image_holds_is_not_applied_again,
    replay_counts_what_it_applied,
    replay_stops_at_what_cannot_be,
    the_log_in_two_parts_is_the_log,
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

/// What the blocks map knows of a block.
fn info(state: &State, block: Block) -> &BlockInfo {
    let info = state.blocks.get(block.id);
    info.unwrap_or_else(|| panic!("the blocks map should know {block}, but does not"))
}

fn file(state: &State) -> &FileInode {
    match state.namespace.require_file("/d/f") {
        Ok((_, file)) => file,
        Err(e) => panic!("/d/f should be there, but: {e}"),
    }
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
    let first = info(&state, FIRST);
    assert_eq!(
        (first.block, first.state),
        (previous, BlockState::Committed),
        "the block before is committed, with the length that the op says"
    );
    let second = info(&state, SECOND);
    assert_eq!(
        (second.block, second.state),
        (SECOND, BlockState::UnderConstruction),
        "the new block is being written"
    );
    assert_eq!(
        (second.inode, second.replication),
        (FILE, 3),
        "a block is its file's, and has its replication"
    );
    let file = file(&state);
    assert_eq!(
        file.blocks[..],
        [FIRST.id, SECOND.id],
        "the file has both blocks, the new one last"
    );
}

fn a_block_has_the_replication_of_its_file() {
    let mut state = State::after(&[
        mkdir(20001, "/d"),
        add(FILE.0, "/d/f"),
        EditOp::SetReplication {
            path: "/d/f".into(),
            replication: 7,
        },
    ]);
    let op = EditOp::AddBlock {
        inode: FILE,
        previous: None,
        block: FIRST,
    };
    do_op(&mut state, &op);
    let info = info(&state, FIRST);
    assert_eq!(
        info.replication, 7,
        "the file was given 7 replicas before it got the block"
    );
}

/// `/d/f`, with one block committed and one under construction.
fn two_blocks() -> State {
    let mut state = one_block();
    let op = EditOp::AddBlock {
        inode: FILE,
        previous: Some(finished(FIRST, 1 << 20)),
        block: SECOND,
    };
    do_op(&mut state, &op);
    state
}

fn a_committed_block_is_not_committed_otherwise() {
    let commit = |len| EditOp::CommitBlock {
        inode: FILE,
        block: finished(FIRST, len),
    };
    let mut state = one_block();
    do_op(&mut state, &commit(9));
    do_op(&mut state, &commit(9));
    assert!(
        state.clone().apply(&commit(8)).is_err(),
        "9 bytes were committed: whoever says 8 now contradicts that"
    );
    let info = info(&state, FIRST);
    assert_eq!(
        (info.block, info.state),
        (finished(FIRST, 9), BlockState::Committed),
        "the block is as it was committed first"
    );
}

fn closing_makes_all_blocks_complete() {
    let mut state = two_blocks();
    let last = finished(SECOND, 5);
    let op = EditOp::Close {
        inode: FILE,
        last: Some(last),
        time_ms: 99,
    };
    do_op(&mut state, &op);
    for block in [finished(FIRST, 1 << 20), last] {
        let info = info(&state, block);
        assert_eq!(
            (info.block, info.state),
            (block, BlockState::Complete),
            "every block of a closed file is complete, with the length that it was committed with"
        );
    }
    let file = file(&state);
    assert_eq!(file.client, None, "nobody writes it any more");
    let modified = state.namespace.require("/d/f").map(|f| f.modified_ms);
    assert_eq!(modified, Ok(99), "the file changed when it was closed");
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
    let info = info(&state, FIRST);
    assert_eq!(
        (info.block, info.state),
        (rebuilt, BlockState::UnderConstruction),
        "the pipeline was rebuilt under a new generation, and the block is still being written"
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

fn update_blocks_leaves_the_state_of_those_that_stay() {
    let mut state = two_blocks();
    let op = EditOp::UpdateBlocks {
        inode: FILE,
        blocks: vec![finished(FIRST, 1 << 20)],
    };
    let removed = apply(&op, &mut state.namespace, &mut state.blocks)
        .unwrap_or_else(|e| panic!("the last block is given up, but: {e}"));
    let removed: Vec<BlockId> = removed.iter().map(|info| info.block.id).collect();
    assert_eq!(
        removed,
        [SECOND.id],
        "what was removed is returned: its replicas are garbage"
    );
    let first = info(&state, FIRST);
    assert_eq!(
        first.state,
        BlockState::Committed,
        "the first block was committed before, and stays so"
    );
    let file = file(&state);
    assert_eq!(
        file.blocks[..],
        [FIRST.id],
        "the file has the first block alone"
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
    assert_eq!(
        (info(&state, FIRST).replication, file(&state).replication),
        (2, 2),
        "the block and its file get 2 replicas"
    );
    do_op(&mut state, &EditOp::AllocateBlockId(BlockId(1 << 40)));
    do_op(
        &mut state,
        &EditOp::SetGenerationStamp(GenerationStamp(5000)),
    );
    assert_eq!(
        (state.blocks.last_id(), state.blocks.last_generation()),
        (BlockId(1 << 40), GenerationStamp(5000)),
        "the highest block id and generation stamp handed out"
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

fn image(txid: u64, state: State) -> Image {
    Image {
        namespace_id: 1,
        txid: TxId(txid),
        namespace: state.namespace,
        blocks: state.blocks,
    }
}

fn state_in(image: Image) -> State {
    State {
        namespace: image.namespace,
        blocks: image.blocks,
    }
}

fn numbered(first: u64, ops: &[EditOp]) -> Vec<(TxId, EditOp)> {
    (first..).map(TxId).zip(ops.iter().cloned()).collect()
}

/// Six directories, one in the other.
fn nested() -> Vec<EditOp> {
    let mut path = String::new();
    (20001..20007)
        .map(|inode| {
            path += "/d";
            mkdir(inode, &path)
        })
        .collect()
}

fn what_the_image_holds_is_not_applied_again() {
    let ops = nested();
    for held in 0..=ops.len() {
        let mut image = image(held as u64, State::after(&ops[..held]));
        replay(&numbered(1, &ops), &mut image).unwrap_or_else(|e| {
            panic!(
                "the image holds transactions up to {held}, and the log has all from 1 on, but transaction {} could \
                 not be applied: {}",
                e.txid, e.error
            )
        });
        assert_eq!(
            image.txid,
            TxId(6),
            "the image held {held} transactions, and the log has 6"
        );
        let when = format!("after an image of {held} transactions and a log of all 6");
        state_in(image).expect(&State::after(&ops), &when);
    }
    // One that reaches further than the log that was given.
    let mut image = image(6, State::after(&ops));
    let answer = replay(&numbered(1, &ops[..3]), &mut image);
    assert_eq!(
        (answer, image.txid),
        (Ok(()), TxId(6)),
        "the image holds 6 transactions, and the log that was given has the first 3: nothing is to be done"
    );
}

fn replay_counts_what_it_applied() {
    let ops = nested();
    let mut image = image(2, State::after(&ops[..2]));
    let answer = replay(&numbered(3, &ops[2..4]), &mut image);
    assert_eq!(
        (answer, image.txid),
        (Ok(()), TxId(4)),
        "transactions 3 and 4 follow an image of the first 2"
    );
    let answer = replay(&[], &mut image);
    assert_eq!((answer, image.txid), (Ok(()), TxId(4)), "nothing to replay");
}

fn replay_stops_at_what_cannot_be() {
    let ops = [
        mkdir(20001, "/d"),
        mkdir(20001, "/again"),
        mkdir(20002, "/e"),
    ];
    let mut image = image(0, State::default());
    let answer = replay(&numbered(1, &ops), &mut image).map_err(|e| e.txid);
    assert_eq!(
        answer,
        Err(TxId(2)),
        "transaction 2 makes an inode that is there already"
    );
    assert_eq!(
        image.txid,
        TxId(1),
        "transaction 1 is the last one that was applied"
    );
    assert!(
        image.namespace.lookup("/e").is_none(),
        "what comes after a transaction that cannot be is not applied"
    );
}

/// A disk with an empty image and a log that holds these bytes.
fn disk_with_log(log: &[u8]) -> MemDisk {
    let mut disk = MemDisk::default();
    let image = image(0, State::default());
    let file = "current/fsimage_0000000000000000000";
    fsimage::write(&image, file, &mut disk).expect("the disk works");
    for (file, bytes) in [
        ("current/VERSION", &b"layoutVersion=1\nnamespaceID=1\n"[..]),
        ("current/edits_inprogress_0000000000000000001", log),
    ] {
        disk.write_at(file, 0, bytes).expect("the disk works");
    }
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
        state_of(loaded).expect(
            &State::after(&ops[..whole]),
            &format!("after a restart with a log cut after {cut} bytes"),
        );
        let left = disk
            .len("current/edits_inprogress_0000000000000000001")
            .expect("the log is still there");
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
            assert_eq!(
                file, "current/edits_inprogress_0000000000000000001",
                "the file that the bad transaction is in"
            );
            assert_eq!(offset, good.len() as u64, "where the second record begins");
        }
        other => panic!("transaction 2 makes an inode that is there already, but: {other:?}"),
    }
}

proptest! {
    #![proptest_config(autograder::property(100))]

    fn the_log_in_two_parts_is_the_log(draws in draws(120), at in any::<u8>()) {
        let ops = history(&draws);
        let cut = ops.len() * usize::from(at) / 256;
        let mut image = image(0, State::default());
        for part in [&numbered(1, &ops)[..cut], &numbered(1, &ops)[cut / 2..]] {
            let answer = replay(part, &mut image);
            prop_assert!(answer.is_ok(), "each op fits what those before it leave, but: {:?}", answer);
        }
        prop_assert_eq!(image.txid, TxId(ops.len() as u64), "the last transaction of the log");
        state_in(image).expect(&State::after(&ops), "after a log in two parts that overlap");
    }

    fn recovery_gives_back_what_was_there(draws in draws(120)) {
        let ops = history(&draws);
        let mut disk = disk_with_log(&log_of(&ops));
        let loaded = storage::open(&mut disk).expect("the log is whole");
        prop_assert_eq!(loaded.last, TxId(ops.len() as u64), "the last transaction of the log");
        state_of(loaded).expect(&State::after(&ops), "after a restart");
    }
}
