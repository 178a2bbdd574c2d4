//! Leaving the service: when a DataNode is not needed any more.

use autograder::{Test, tests};
use mini_hdfs::namenode::decommission::{
    LeavingBlock, LeavingNode, Limits, is_sufficient, may_leave,
};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    decommission_needs_as_many_replicas_as_should_count,
    decommission_asks_for_no_more_than_files_usually_have,
    decommission_asks_no_more_of_a_file_than_it_wants,
    decommission_of_a_block_being_written_needs_the_minimum,
    decommission_never_takes_the_last_replica,
    decommission_is_done_when_all_blocks_are_elsewhere,
    decommission_waits_for_what_is_not_known_yet,
    decommission_of_a_dead_node_waits_for_the_whole_file_system,
    decommission_in_any_case,
];

const LIMITS: Limits = Limits { min: 1, default: 3 };

fn block(live: usize, expected: usize) -> LeavingBlock {
    LeavingBlock {
        live,
        expected,
        open: false,
    }
}

fn written(live: usize, expected: usize) -> LeavingBlock {
    LeavingBlock {
        open: true,
        ..block(live, expected)
    }
}

/// A node that is alive and not needed.
fn done() -> LeavingNode {
    LeavingNode {
        alive: true,
        reported: true,
        scanned: true,
        waiting: 0,
        endangered: 0,
    }
}

fn decommission_needs_as_many_replicas_as_should_count() {
    assert!(
        is_sufficient(&block(3, 3), &LIMITS),
        "three should count, and three do"
    );
    assert!(is_sufficient(&block(4, 3), &LIMITS), "even one more");
    assert!(
        !is_sufficient(&block(2, 3), &LIMITS),
        "three should count, and without the leaving node there are two"
    );
}

fn decommission_asks_for_no_more_than_files_usually_have() {
    assert!(
        is_sufficient(&block(3, 10), &LIMITS),
        "ten replicas are wanted, perhaps more than there are DataNodes; three are what files usually have"
    );
    assert!(
        !is_sufficient(&block(2, 10), &LIMITS),
        "two are fewer than files usually have"
    );
}

fn decommission_asks_no_more_of_a_file_than_it_wants() {
    assert!(
        is_sufficient(&block(1, 1), &LIMITS),
        "the file wants one replica, and has one elsewhere, though files usually have three"
    );
    assert!(!is_sufficient(&block(1, 2), &LIMITS), "it wants two");
    let strict = Limits { min: 2, default: 3 };
    assert!(
        is_sufficient(&written(1, 1), &strict),
        "it is being written with one replica, and that is elsewhere"
    );
}

fn decommission_of_a_block_being_written_needs_the_minimum() {
    assert!(
        is_sufficient(&written(1, 3), &LIMITS),
        "one node of the pipeline stays, and one replica is enough to close the file; the others are made up for then"
    );
    assert!(
        !is_sufficient(&block(1, 3), &LIMITS),
        "the same of a block that is finished"
    );
    let strict = Limits { min: 2, default: 3 };
    assert!(
        !is_sufficient(&written(1, 3), &strict),
        "two are needed to close the file"
    );
    assert!(is_sufficient(&written(2, 3), &strict));
}

fn decommission_never_takes_the_last_replica() {
    for expected in 1..5 {
        assert!(
            !is_sufficient(&block(0, expected), &LIMITS),
            "no other replica counts, and {expected} should"
        );
        assert!(
            !is_sufficient(&written(0, expected), &LIMITS),
            "the whole pipeline would leave, and {expected} should stay"
        );
    }
}

fn decommission_is_done_when_all_blocks_are_elsewhere() {
    assert!(may_leave(&done()));
    let waiting = LeavingNode {
        waiting: 1,
        ..done()
    };
    assert!(!may_leave(&waiting), "one block is not elsewhere");
    let busy = LeavingNode {
        endangered: 1000,
        ..done()
    };
    assert!(
        may_leave(&busy),
        "other blocks lack replicas, but those are not on this node"
    );
}

fn decommission_waits_for_what_is_not_known_yet() {
    let silent = LeavingNode {
        reported: false,
        ..done()
    };
    assert!(
        !may_leave(&silent),
        "it has registered and not said what it has: that nothing is known to be there means nothing"
    );
    let unseen = LeavingNode {
        scanned: false,
        ..done()
    };
    assert!(
        !may_leave(&unseen),
        "not all of its blocks have been looked at"
    );
}

fn decommission_of_a_dead_node_waits_for_the_whole_file_system() {
    let dead = LeavingNode {
        alive: false,
        ..done()
    };
    assert!(may_leave(&dead), "nothing is missing anywhere");
    let needed = LeavingNode {
        endangered: 1,
        ..dead
    };
    assert!(
        !may_leave(&needed),
        "a block lacks a replica; perhaps the dead node has the only one, and can be repaired"
    );
    let unknown = LeavingNode {
        reported: false,
        scanned: false,
        ..dead
    };
    assert!(
        may_leave(&unknown),
        "a dead node never reports, so nobody should wait for it to"
    );
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn decommission_in_any_case(
        live in 0..6usize, expected in 1..12usize, open: bool, min in 1..4usize, default in 1..5usize
    ) {
        let limits = Limits { min, default };
        let block = LeavingBlock { live, expected, open };
        let sufficient = is_sufficient(&block, &limits);
        if live >= expected {
            prop_assert!(sufficient, "{:?} has all that it should have", block);
        }
        if live == 0 {
            prop_assert!(!sufficient, "{:?} would have no replica at all", block);
        }
        if sufficient {
            let better = LeavingBlock { live: live + 1, ..block };
            prop_assert!(is_sufficient(&better, &limits), "one more replica can do no harm: {:?}", better);
        }
        if !open && live < expected && live < default {
            prop_assert!(!sufficient, "{:?} has fewer than it wants and than usual ({:?})", block, limits);
        }
        if open && live < expected && live < min {
            prop_assert!(!sufficient, "{:?} could not be closed ({:?})", block, limits);
        }
        if live >= if open { min } else { default } {
            prop_assert!(sufficient, "{:?} has enough for such a block ({:?})", block, limits);
        }
    }
}
