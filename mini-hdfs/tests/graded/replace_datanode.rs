//! A node of a pipeline is replaced: when, and who sends what to whom.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, ReplicaState};
use mini_hdfs::client::replace_datanode::{
    Blame, Policy, Replacement, Shortage, Step, TRANSFERS_MAX, is_wanted,
};
use mini_hdfs::datanode::Replica;
use mini_hdfs::datanode::pipeline_transfer::sendable;
use mini_hdfs::datanode::replica_map::ReplicaError;

pub(crate) const TESTS: &[Test] = tests![
    replace_datanode_never_means_never,
    replace_datanode_always_means_when_one_is_missing,
    replace_datanode_default_counts_those_that_are_left,
    replace_datanode_default_keeps_what_was_promised,
    replace_datanode_not_at_the_very_end,
    replace_datanode_asks_then_copies_then_goes_on,
    replace_datanode_takes_another_receiver,
    replace_datanode_takes_another_sender,
    replace_datanode_does_not_try_for_ever,
    replace_datanode_goes_on_without_if_it_may,
    replace_datanode_sends_all_that_is_acknowledged,
    replace_datanode_sends_nothing_doubtful,
];

fn shortage(replication: usize, left: usize) -> Shortage {
    Shortage {
        replication,
        left,
        hflushed: false,
        closing: false,
    }
}

fn replace_datanode_never_means_never() {
    for (replication, left) in [(3, 1), (10, 1), (2, 1)] {
        let hflushed = Shortage {
            hflushed: true,
            ..shortage(replication, left)
        };
        assert!(
            !is_wanted(Policy::Never, &hflushed),
            "NEVER, with {left} of {replication} nodes left"
        );
    }
}

fn replace_datanode_always_means_when_one_is_missing() {
    for (replication, left, wanted) in [
        (3, 2, true),
        (2, 1, true),
        (10, 9, true),
        (3, 3, false),
        (3, 4, false),
        (1, 1, false),
        (3, 0, false),
    ] {
        assert_eq!(
            is_wanted(Policy::Always, &shortage(replication, left)),
            wanted,
            "ALWAYS, with {left} of {replication} nodes left (with none, nobody could send the beginning)"
        );
    }
}

fn replace_datanode_default_counts_those_that_are_left() {
    for (replication, left, wanted) in [
        (3, 2, false),
        (3, 1, true),
        (4, 2, true),
        (4, 3, false),
        (5, 3, false),
        (5, 2, true),
        (10, 5, true),
        (10, 6, false),
        (2, 1, false),
        (3, 0, false),
    ] {
        assert_eq!(
            is_wanted(Policy::Default, &shortage(replication, left)),
            wanted,
            "DEFAULT, nothing flushed, with n = {left} of r = {replication} nodes left"
        );
    }
}

fn replace_datanode_default_keeps_what_was_promised() {
    for (replication, left, wanted) in [
        (3, 2, true),
        (10, 9, true),
        (3, 3, false),
        (2, 1, false),
        (1, 0, false),
    ] {
        let hflushed = Shortage {
            hflushed: true,
            ..shortage(replication, left)
        };
        assert_eq!(
            is_wanted(Policy::Default, &hflushed),
            wanted,
            "DEFAULT, hflushed, with n = {left} of r = {replication} nodes left"
        );
    }
}

fn replace_datanode_not_at_the_very_end() {
    for policy in [Policy::Never, Policy::Default, Policy::Always] {
        let closing = Shortage {
            hflushed: true,
            closing: true,
            ..shortage(3, 1)
        };
        assert!(
            !is_wanted(policy, &closing),
            "{policy:?}: the block is complete in a moment, and the NameNode has it copied then"
        );
    }
}

fn node(id: u64) -> DatanodeInfo {
    DatanodeInfo {
        id: DatanodeId(id),
        hostname: format!("host{id}"),
        address: format!("127.0.0.1:{id}"),
        rack: "/rack1".into(),
    }
}

fn ids(ids: &[u64]) -> Vec<DatanodeId> {
    ids.iter().copied().map(DatanodeId).collect()
}

/// Nodes 1 and 2 are left of a pipeline; 3 has failed.
fn replacement(best_effort: bool) -> Replacement {
    let failed = BTreeSet::from([DatanodeId(3)]);
    Replacement::new(vec![node(1), node(2)], failed, best_effort)
}

fn transfer(source: u64, target: u64) -> Step {
    Step::Transfer {
        source: node(source),
        target: node(target),
    }
}

fn replace_datanode_asks_then_copies_then_goes_on() {
    let mut replacement = replacement(false);
    let exclude = ids(&[3]);
    assert_eq!(
        replacement.step(),
        Step::Ask { exclude },
        "a node is asked for, and the one that failed is not wanted back"
    );
    replacement.on_target(node(4));
    assert_eq!(
        replacement.step(),
        transfer(1, 4),
        "the first that is left sends it what it has"
    );
    assert_eq!(
        replacement.step(),
        transfer(1, 4),
        "asking what to do changes nothing"
    );
    replacement.on_transferred();
    assert_eq!(
        replacement.step(),
        Step::GoOn(vec![node(1), node(2), node(4)]),
        "the new node stands behind those that were there"
    );
}

fn replace_datanode_takes_another_receiver() {
    let mut replacement = replacement(false);
    replacement.on_target(node(4));
    replacement.on_transfer_failed(Blame::Target);
    let exclude = ids(&[3, 4]);
    assert_eq!(
        replacement.step(),
        Step::Ask { exclude },
        "node 4 is to blame: another one, and not node 4 again"
    );
    assert!(
        replacement.failed().contains(&DatanodeId(4)),
        "nor is it wanted for later blocks"
    );
    replacement.on_target(node(5));
    assert_eq!(
        replacement.step(),
        transfer(1, 5),
        "node 1 did nothing wrong, and sends again"
    );
}

fn replace_datanode_takes_another_sender() {
    let mut replacement = replacement(false);
    replacement.on_target(node(4));
    replacement.on_transfer_failed(Blame::Source);
    assert_eq!(
        replacement.step(),
        transfer(2, 4),
        "node 1 could not send it; node 4 is innocent, and node 2 has the replica too"
    );
    assert!(!replacement.failed().contains(&DatanodeId(4)));
    replacement.on_transfer_failed(Blame::Source);
    assert_eq!(
        replacement.step(),
        transfer(1, 4),
        "after the last sender the first again"
    );
}

fn replace_datanode_does_not_try_for_ever() {
    for blames in [
        [Blame::Target; TRANSFERS_MAX],
        [Blame::Source; TRANSFERS_MAX],
        [Blame::Source, Blame::Target, Blame::Source],
    ] {
        let mut replacement = replacement(false);
        for (i, blame) in (4..).zip(blames) {
            assert!(
                !matches!(replacement.step(), Step::GiveUp | Step::GoOn(_)),
                "fewer than {TRANSFERS_MAX} copies have failed"
            );
            if matches!(replacement.step(), Step::Ask { .. }) {
                replacement.on_target(node(i));
            }
            replacement.on_transfer_failed(blame);
        }
        assert_eq!(
            replacement.step(),
            Step::GiveUp,
            "{TRANSFERS_MAX} copies have failed ({blames:?}), and two replicas are too few"
        );
    }
    let mut replacement = replacement(false);
    replacement.on_no_target();
    assert_eq!(
        replacement.step(),
        Step::GiveUp,
        "the NameNode has no other node"
    );
}

fn replace_datanode_goes_on_without_if_it_may() {
    let without = Step::GoOn(vec![node(1), node(2)]);
    let mut replacement = replacement(true);
    assert_ne!(
        replacement.step(),
        without,
        "best effort is an effort all the same"
    );
    replacement.on_no_target();
    assert_eq!(replacement.step(), without, "no node, best effort");

    let mut replacement = self::replacement(true);
    for id in 4..4 + TRANSFERS_MAX as u64 {
        replacement.on_target(node(id));
        replacement.on_transfer_failed(Blame::Target);
    }
    assert_eq!(replacement.step(), without, "no copy, best effort");
}

fn replica(generation: u64, len: u64, state: ReplicaState) -> Replica {
    Replica::new(Block::new(7, generation, len), state)
}

fn replace_datanode_sends_all_that_is_acknowledged() {
    let asked = Block::new(7, 1001, 600);
    for (state, writing) in [
        (ReplicaState::Rbw, false),
        (ReplicaState::Rbw, true),
        (ReplicaState::Finalized, false),
    ] {
        let there = Replica {
            writing,
            ..replica(1001, 700, state)
        };
        assert_eq!(
            sendable(&there, asked),
            Ok(there.block),
            "{state:?}: its pipeline has acknowledged 700 bytes, though the writer has heard of 600 only"
        );
    }
    let raised = replica(1002, 600, ReplicaState::Rbw);
    assert_eq!(
        sendable(&raised, asked),
        Ok(raised.block),
        "it had joined a rebuilding that was given up: the copy must say so too"
    );
}

fn replace_datanode_sends_nothing_doubtful() {
    let asked = Block::new(7, 1001, 600);
    for state in [ReplicaState::Rwr, ReplicaState::Temporary] {
        let there = replica(1001, 700, state);
        assert_eq!(
            sendable(&there, asked),
            Err(ReplicaError::NotReadable(there.block, state)),
            "{state:?}: nobody knows what of it is good"
        );
    }
    let there = replica(1000, 700, ReplicaState::Finalized);
    assert_eq!(
        sendable(&there, asked),
        Err(ReplicaError::OtherGeneration {
            asked,
            there: there.block
        }),
        "it missed an earlier rebuilding"
    );
    let there = replica(1001, 599, ReplicaState::Rbw);
    assert_eq!(
        sendable(&there, asked),
        Err(ReplicaError::TooShort {
            there: there.block,
            acked_len: 600
        }),
        "a byte is missing that the writer was told is safe"
    );
}
