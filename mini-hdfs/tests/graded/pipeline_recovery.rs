//! A node of a pipeline fails: who goes on, from which byte, and what becomes of the replica that is left behind.

use autograder::{Test, tests};
use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, ReplicaState};
use mini_hdfs::client::ack_queue::BadNode;
use mini_hdfs::client::pipeline_recovery::{
    BLOCK_WRITE_RETRIES, Pipeline, Recovery, Stage, after_failure,
};
use mini_hdfs::datanode::Replica;
use mini_hdfs::datanode::rebuild::recovered;
use mini_hdfs::datanode::replica_map::ReplicaError;
use mini_hdfs::namenode::blocks::{BlockState, BlocksMap};
use mini_hdfs::namenode::left_behind::left_behind;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    pipeline_recovery_gives_a_new_block_up,
    pipeline_recovery_does_not_try_for_ever,
    pipeline_recovery_goes_on_with_those_that_are_left,
    pipeline_recovery_blames_the_first_for_what_nobody_did,
    pipeline_recovery_keeps_a_block_of_which_nothing_is_acknowledged,
    pipeline_recovery_fails_when_no_node_is_left,
    pipeline_recovery_cuts_a_replica_to_what_is_acknowledged,
    pipeline_recovery_refuses_a_replica_that_missed_one,
    pipeline_recovery_takes_up_what_a_failed_one_left,
    pipeline_recovery_refuses_what_is_in_use_or_too_short,
    pipeline_recovery_leaves_the_failed_node_behind,
    pipeline_recovery_trusts_what_is_known_of_a_replica,
    pipeline_recovery_leaves_no_node_of_the_new_pipeline_behind,
    pipeline_recovery_again_and_again_loses_nothing,
];

const OLD: Block = Block::new(7, 1001, 0);
const NEW: GenerationStamp = GenerationStamp(1002);

fn nodes(ids: &[u64]) -> Vec<DatanodeInfo> {
    let node = |id: &u64| DatanodeInfo {
        id: DatanodeId(*id),
        hostname: format!("host{id}"),
        address: format!("127.0.0.1:{id}"),
        rack: "/rack1".into(),
    };
    ids.iter().map(node).collect()
}

fn after(stage: Stage, ids: &[u64], acked_len: u64, bad: usize) -> Recovery {
    let pipeline = Pipeline {
        // Its length is no business of ours.
        block: Block { len: 77, ..OLD },
        stage,
        nodes: &nodes(ids),
        acked_len,
    };
    after_failure(&pipeline, &BadNode::new(bad, "is gone"))
}

fn rebuild(failed: u64, left: &[u64], len: u64) -> Recovery {
    Recovery::Rebuild {
        failed: DatanodeId(failed),
        left: nodes(left),
        block: Block { len, ..OLD },
    }
}

fn pipeline_recovery_gives_a_new_block_up() {
    let failed = DatanodeId(2);
    assert_eq!(
        after(Stage::Create { given_up: 0 }, &[1, 2, 3], 0, 1),
        Recovery::Abandon { failed },
        "no byte of a new block is anywhere: another block costs nothing"
    );
    let failed = DatanodeId(1);
    assert_eq!(
        after(Stage::Create { given_up: 0 }, &[1], 0, 0),
        Recovery::Abandon { failed },
        "also where its pipeline had one node only"
    );
}

fn pipeline_recovery_does_not_try_for_ever() {
    let failed = DatanodeId(1);
    for (given_up, expected) in [
        (BLOCK_WRITE_RETRIES - 1, Recovery::Abandon { failed }),
        (BLOCK_WRITE_RETRIES, Recovery::Fail { failed }),
        (BLOCK_WRITE_RETRIES + 1, Recovery::Fail { failed }),
    ] {
        assert_eq!(
            after(Stage::Create { given_up }, &[1, 2, 3], 0, 0),
            expected,
            "{given_up} blocks were given up before this one, and {BLOCK_WRITE_RETRIES} may be"
        );
    }
}

fn pipeline_recovery_goes_on_with_those_that_are_left() {
    for (bad, failed, left) in [(0, 1, [2, 3, 4]), (1, 2, [1, 3, 4]), (3, 4, [1, 2, 3])] {
        assert_eq!(
            after(Stage::Written, &[1, 2, 3, 4], 512, bad),
            rebuild(failed, &left, 512),
            "node {failed} failed; the others go on in their order, from the 512 bytes that all of them have"
        );
    }
}

fn pipeline_recovery_blames_the_first_for_what_nobody_did() {
    for bad in [3, 9] {
        assert_eq!(
            after(Stage::Written, &[1, 2, 3], 512, bad),
            rebuild(1, &[2, 3], 512),
            "place {bad} is beyond a pipeline of three: the writer is connected to the first node"
        );
    }
}

fn pipeline_recovery_keeps_a_block_of_which_nothing_is_acknowledged() {
    assert_eq!(
        after(Stage::Written, &[1, 2], 0, 0),
        rebuild(1, &[2], 0),
        "packets are on their way, and the node that is left may have some: they must not count"
    );
}

fn pipeline_recovery_fails_when_no_node_is_left() {
    assert_eq!(
        after(Stage::Written, &[5], 512, 0),
        Recovery::Fail {
            failed: DatanodeId(5)
        },
        "the only node of the pipeline failed"
    );
}

/// A replica with 700 bytes that the pipeline has acknowledged, as far as this node knows.
fn replica(generation: u64, state: ReplicaState) -> Replica {
    Replica::new(Block::new(7, generation, 700), state)
}

fn pipeline_recovery_cuts_a_replica_to_what_is_acknowledged() {
    let expected = Replica {
        writing: true,
        ..Replica::new(Block::new(7, 1002, 600), ReplicaState::Rbw)
    };
    for state in [
        ReplicaState::Rbw,
        ReplicaState::Rwr,
        ReplicaState::Finalized,
    ] {
        let there = Replica {
            last_checksum: Some(5),
            ..replica(1001, state)
        };
        // Where it is, and what is set aside for it, is the replica map's affair.
        let taken = recovered(&there, OLD, NEW, 600).map(|taken| Replica {
            volume: expected.volume,
            len_max: expected.len_max,
            ..taken
        });
        assert_eq!(
            taken,
            Ok(expected),
            "{state:?} with 700 bytes, of which the writer has seen 600 acknowledged"
        );
        assert!(
            recovered(&there, OLD, NEW, 700).is_ok(),
            "{state:?}: all that it has is enough"
        );
    }
}

fn pipeline_recovery_refuses_a_replica_that_missed_one() {
    let asked = Block::new(7, 1003, 0);
    let generation = GenerationStamp(1005);
    for there in [1001, 1002, 1005, 1006] {
        let there = replica(there, ReplicaState::Rbw);
        let refused = ReplicaError::OtherGeneration {
            asked: Block {
                generation,
                ..asked
            },
            there: there.block,
        };
        assert_eq!(
            recovered(&there, asked, generation, 600),
            Err(refused),
            "the NameNode knows generation 1003, the next one is 1005, and this one is {}",
            there.block.generation
        );
    }
}

fn pipeline_recovery_takes_up_what_a_failed_one_left() {
    let asked = Block::new(7, 1003, 0);
    for there in [1003, 1004] {
        let taken = recovered(
            &replica(there, ReplicaState::Rbw),
            asked,
            GenerationStamp(1005),
            600,
        );
        assert!(
            taken.is_ok(),
            "generation {there} is none that missed anything: 1004 was given up before the NameNode heard of it"
        );
    }
}

fn pipeline_recovery_refuses_what_is_in_use_or_too_short() {
    let busy = Replica {
        writing: true,
        ..replica(1001, ReplicaState::Rbw)
    };
    assert_eq!(
        recovered(&busy, OLD, NEW, 600),
        Err(ReplicaError::Busy(busy.block)),
        "two writers at a time would spoil it"
    );
    let there = replica(1001, ReplicaState::Rbw);
    let acked_len = 701;
    assert_eq!(
        recovered(&there, OLD, NEW, acked_len),
        Err(ReplicaError::TooShort {
            there: there.block,
            acked_len
        }),
        "701 bytes were acknowledged, and it has lost one"
    );
    let copy = replica(1001, ReplicaState::Temporary);
    assert_eq!(
        recovered(&copy, OLD, NEW, 600),
        Err(ReplicaError::NotReadable(
            copy.block,
            ReplicaState::Temporary
        )),
        "a copy that is under way is no replica yet"
    );
    let old_and_busy = Replica {
        writing: true,
        ..replica(1000, ReplicaState::Rbw)
    };
    assert!(
        matches!(
            recovered(&old_and_busy, OLD, NEW, 701),
            Err(ReplicaError::OtherGeneration { .. })
        ),
        "of several reasons the generation comes first: waiting for its writer would not help"
    );
}

/// The NameNode's map with block 7 in generation 1002, written by `before` until a moment ago.
fn map(before: &[u64]) -> BlocksMap {
    let mut map = BlocksMap::default();
    let new = Block::new(7, 1002, 512);
    map.insert(new, InodeId(20_000), 3, BlockState::UnderConstruction);
    map.set_pipeline(OLD.id, before.iter().copied().map(DatanodeId).collect());
    map
}

fn left(map: &BlocksMap, pipeline: &[u64]) -> Vec<(u64, u64)> {
    let info = map.get(OLD.id).unwrap();
    let pipeline: Vec<_> = pipeline.iter().copied().map(DatanodeId).collect();
    left_behind(info, OLD, &pipeline)
        .into_iter()
        .map(|(datanode, block)| (datanode.0, block.generation.0))
        .collect()
}

fn pipeline_recovery_leaves_the_failed_node_behind() {
    let mut all = map(&[3, 1, 2]);
    assert_eq!(
        left(&all, &[3, 1]),
        [(2, 1001)],
        "node 2 was in the pipeline and is not any more: what it has is of generation 1001"
    );
    assert_eq!(
        left(&all, &[4]),
        [(1, 1001), (2, 1001), (3, 1001)],
        "all three, in the order of their ids"
    );
    assert_eq!(left(&all, &[2, 1, 3]), [], "nobody was dropped");
    all.add_corrupt(Block::new(7, 1000, 5), DatanodeId(9));
    assert_eq!(
        left(&all, &[1, 2, 3]),
        [(9, 1000)],
        "node 9 missed an earlier rebuilding"
    );
}

fn pipeline_recovery_trusts_what_is_known_of_a_replica() {
    let mut map = map(&[1, 2, 3]);
    map.add_early(Block::new(7, 1001, 9), DatanodeId(2));
    map.add_corrupt(Block::new(7, 1000, 5), DatanodeId(3));
    let info = map.get(OLD.id).unwrap();
    assert_eq!(
        left_behind(info, OLD, &[DatanodeId(1)]),
        [
            (DatanodeId(2), Block::new(7, 1001, 9)),
            (DatanodeId(3), Block::new(7, 1000, 5))
        ],
        "they have reported what they have"
    );
}

fn pipeline_recovery_leaves_no_node_of_the_new_pipeline_behind() {
    let mut map = map(&[1, 2]);
    map.add_early(Block::new(7, 1001, 9), DatanodeId(1));
    assert_eq!(
        left(&map, &[1, 2]),
        [],
        "node 1 finalised its replica before, and has raised it since"
    );
    map.add_early(Block::new(7, 1002, 9), DatanodeId(5));
    assert_eq!(
        left(&map, &[1, 2]),
        [],
        "node 5 has reported one of the new generation: that one is not out of date"
    );
}

proptest! {
    #![proptest_config(autograder::property(128))]

    /// One pipeline through several failures, each of which a rebuilding may follow that reaches some nodes only.
    fn pipeline_recovery_again_and_again_loses_nothing(
        size in 2u64..6,
        // Which place fails, and how many nodes the rebuilding reaches after that.
        failures in prop::collection::vec((0usize..5, 0usize..6), 1..5),
    ) {
        let ids: Vec<u64> = (1..=size).collect();
        let mut pipeline = nodes(&ids);
        let mut block = OLD;
        // Each node has heard of some more acknowledgements than the writer has.
        let replica = |id: &u64| Replica::new(Block::new(7, 1001, 600 + 10 * id), ReplicaState::Rbw);
        let mut replicas: Vec<Replica> = ids.iter().map(replica).collect();
        for (generation, (bad, reached)) in (1002..).map(GenerationStamp).zip(failures) {
            let broken = Pipeline {
                block,
                stage: Stage::Written,
                nodes: &pipeline,
                acked_len: 600,
            };
            let after = after_failure(&broken, &BadNode::new(bad, "failed"));
            let Recovery::Rebuild { left, block: kept, .. } = after else {
                prop_assert_eq!(pipeline.len(), 1, "while a node is left, the writer goes on");
                return Ok(());
            };
            prop_assert_eq!((left.len() + 1, kept.len), (pipeline.len(), 600), "one node is out");
            pipeline = left;
            for node in pipeline.iter().take(reached) {
                let there = &mut replicas[usize::try_from(node.id.0 - 1).unwrap()];
                let taken = recovered(there, kept, generation, kept.len);
                prop_assert!(taken.is_ok(), "{:?} has missed nothing: {:?}", there, taken);
                *there = Replica { writing: false, ..taken.unwrap() };
            }
            if reached >= pipeline.len() {
                block.generation = generation;
            }
        }
        for node in &pipeline {
            let there = replicas[usize::try_from(node.id.0 - 1).unwrap()].block;
            prop_assert!(there.len >= 600, "{:?} has lost acknowledged bytes", there);
            prop_assert!(there.generation >= block.generation, "{:?} is out of date", there);
        }
    }
}
