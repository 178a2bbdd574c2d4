//! The replication queue: the most endangered block first, and nobody waits for ever.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use mini_hdfs::block::BlockId;
use mini_hdfs::namenode::replication_queue::{Priority, ReplicationQueue, priority};

use Priority::{BadlyDistributed, Corrupt, Highest, Low, VeryLow};

pub(crate) const TESTS: &[Test] = tests![
    replication_queue_knows_five_priorities,
    replication_queue_gives_the_more_urgent_first,
    replication_queue_does_not_offer_what_has_no_source,
    replication_queue_moves_and_forgets,
    replication_queue_passes_on_from_blocks_that_cannot_be_copied,
    replication_queue_does_not_bring_up_again_what_stays,
    replication_queue_lets_urgent_newcomers_in_at_once,
    replication_queue_never_repeats_a_block_in_one_answer,
];

fn queue(blocks: &[(u64, Priority)]) -> ReplicationQueue {
    let mut queue = ReplicationQueue::default();
    for (block, priority) in blocks {
        queue.update(BlockId(*block), Some(*priority));
    }
    queue
}

fn choose(queue: &mut ReplicationQueue, max: usize) -> Vec<u64> {
    queue.choose(max).iter().map(|block| block.0).collect()
}

fn replication_queue_knows_five_priorities() {
    for (live, expected, spread, urgency) in [
        (3, 3, true, None),
        (4, 3, true, None),
        (1, 1, true, None),
        (3, 3, false, Some(BadlyDistributed)),
        (2, 3, true, Some(Low)),
        (2, 3, false, Some(Low)),
        (3, 10, true, Some(VeryLow)),
        (2, 7, false, Some(VeryLow)),
        (4, 10, true, Some(Low)),
        (2, 6, true, Some(Low)),
        (1, 2, true, Some(Highest)),
        (1, 10, false, Some(Highest)),
        (0, 1, true, Some(Corrupt)),
        (0, 3, false, Some(Corrupt)),
    ] {
        assert_eq!(
            priority(live, expected, spread),
            urgency,
            "{live} of {expected} replicas, in enough racks: {spread}"
        );
    }
}

fn replication_queue_gives_the_more_urgent_first() {
    let blocks = [(1, Low), (2, Highest), (3, BadlyDistributed), (4, VeryLow)];
    let mut queue = queue(&blocks);
    assert_eq!(choose(&mut queue, 10), [2, 4, 1, 3]);
    let mut queue = self::queue(&blocks);
    assert_eq!(choose(&mut queue, 2), [2, 4]);
}

fn replication_queue_does_not_offer_what_has_no_source() {
    let mut queue = queue(&[(1, Corrupt), (2, Low)]);
    assert_eq!(
        choose(&mut queue, 10),
        [2],
        "there is nothing to copy block 1 from"
    );
    assert_eq!(
        queue.priority_of(BlockId(1)),
        Some(Corrupt),
        "it is kept all the same"
    );
    assert_eq!(queue.len(), 2);
}

fn replication_queue_moves_and_forgets() {
    let mut queue = queue(&[(1, Low), (2, Low), (3, Low)]);
    queue.update(BlockId(3), Some(Highest));
    queue.remove(BlockId(1));
    queue.remove(BlockId(77));
    queue.update(BlockId(2), Some(Low));
    assert_eq!(
        choose(&mut queue, 10),
        [3, 2],
        "block 3 is the most urgent now, block 1 was taken out, block 2 is where it was"
    );
    queue.update(BlockId(3), None);
    queue.remove(BlockId(2));
    assert!(
        queue.is_empty() && choose(&mut queue, 10).is_empty(),
        "block 3 needs nothing any more, and block 2 was taken out: nothing is left"
    );
}

fn replication_queue_passes_on_from_blocks_that_cannot_be_copied() {
    let mut blocks: Vec<(u64, Priority)> = (0..10).map(|i| (i, Highest)).collect();
    blocks.extend((10..20).map(|i| (i, Low)));
    let mut queue = queue(&blocks);
    let mut seen = Vec::new();
    for _ in 0..4 {
        let chosen = choose(&mut queue, 5);
        assert_eq!(
            chosen.len(),
            5,
            "there are always enough blocks for a full answer here"
        );
        seen.extend(chosen);
    }
    let distinct: BTreeSet<u64> = seen.iter().copied().collect();
    assert_eq!(
        distinct.len(),
        20,
        "one round of 20 blocks is four calls of five: {seen:?}"
    );
    assert!(
        seen[..10].iter().all(|block| *block < 10),
        "the urgent ones first: {seen:?}"
    );
    assert!(
        !choose(&mut queue, 5).is_empty(),
        "then the next round begins"
    );
}

/// The NameNode looks afresh at each block that it has chosen, and says its priority again.
fn replication_queue_does_not_bring_up_again_what_stays() {
    let mut queue = queue(&[(1, Highest), (2, Highest), (3, Low), (4, Low)]);
    let first = choose(&mut queue, 2);
    for block in &first {
        queue.update(BlockId(*block), Some(Highest));
    }
    let second = choose(&mut queue, 2);
    let both: BTreeSet<u64> = first.iter().chain(&second).copied().collect();
    assert_eq!(
        both.len(),
        4,
        "{first:?} came up and stayed as urgent as they were, so it is the others' turn, not {second:?}"
    );
}

fn replication_queue_lets_urgent_newcomers_in_at_once() {
    let blocks: Vec<(u64, Priority)> = (0..100).map(|i| (i, Low)).collect();
    let mut queue = queue(&blocks);
    choose(&mut queue, 10);
    queue.update(BlockId(500), Some(Highest));
    queue.update(BlockId(3), Some(Highest));
    let chosen: BTreeSet<u64> = choose(&mut queue, 2).into_iter().collect();
    assert_eq!(
        chosen,
        BTreeSet::from([3, 500]),
        "they do not wait for the end of the round"
    );
}

fn replication_queue_never_repeats_a_block_in_one_answer() {
    let mut queue = queue(&[(1, Low), (2, Highest), (3, Low)]);
    for max in [2, 2, 5, 1, 5, 5] {
        let chosen = choose(&mut queue, max);
        let distinct: BTreeSet<u64> = chosen.iter().copied().collect();
        assert!(!chosen.is_empty(), "the queue is not empty");
        assert!(
            distinct.len() == chosen.len() && chosen.len() <= max,
            "{chosen:?}"
        );
    }
    assert!(choose(&mut queue, 0).is_empty());
}
