//! The capstone: whatever a replication manager is like inside, these are the rules that its orders keep. First a few short
//! stories; then a cluster in virtual time in which everything goes wrong, for many seeds, and a judge that looks at every
//! order.

mod judge;
mod story;
mod world;

use autograder::{Test, tests};
use mini_hdfs::block::{BlockId, DatanodeId};
use node::Rng;

use judge::{Rule, Violation};
use world::{Roughness, World};

pub(crate) const TESTS: &[Test] = tests![
    a_dead_datanode_s_replicas_are_made_anew,
    a_block_that_should_have_more_gets_more,
    what_is_too_much_goes,
    what_belongs_to_no_file_goes,
    a_corrupt_replica_is_replaced,
    a_replica_that_missed_an_append_is_replaced,
    copies_come_from_good_replicas,
    copies_go_where_there_is_a_place,
    no_datanode_takes_part_in_too_many_copies,
    nothing_is_copied_without_need,
    the_last_good_replica_stays,
    as_many_stay_as_there_should_be,
    two_racks_are_kept,
    a_second_rack_is_used_once_there_is_one,
    the_neediest_block_does_not_wait,
    in_the_end_all_is_mended,
    then_nothing_is_ordered,
];

/// Seeds in an ordinary run.
const SEEDS: u64 = 25;
/// Rounds within which a small cluster must be mended once nothing fails any more.
const MENDED_AFTER: usize = 300;

/// Fails with the first breach of one of these rules.
fn expect_no_breach(world: &World, rules: &[Rule], seed: u64) {
    if let Some((rule, breach)) = world.breach(rules) {
        panic!("seed {seed:#x}: {}: {breach}", sentence(rule));
    }
}

fn sentence(rule: Rule) -> &'static str {
    match rule {
        Rule::LastReplica => "one good replica stays, whatever is deleted (rules 1 and 2)",
        Rule::BelowFactor => "a block keeps as many replicas as it should have (rule 1)",
        Rule::Deletion => "a deletion names what is there, once (rule 3)",
        Rule::Source => "a copy is made from a good replica (rule 4)",
        Rule::Target => "a copy goes to a DataNode that can take it (rule 4)",
        Rule::Streams => "a DataNode takes part in a few copies at a time (rule 5)",
        Rule::Needless => "nothing is copied without need (rule 6)",
        Rule::Racks => "a deletion leaves two racks (rule 7)",
        Rule::Neediest => "the neediest block comes first (rule 8)",
        Rule::Idle => "when all is well nothing is ordered (rule 10)",
        Rule::Converges => "in the end every block is as it should be (rule 9)",
    }
}

/// What can go wrong in [`chaos`].
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Start,
    LoseDisk,
    Rot,
    Cut,
    Append,
    Remove,
    Create,
    Replication,
    Fill,
}

const FAULTS: &[Fault] = &[
    Fault::Kill,
    Fault::Start,
    Fault::Start,
    Fault::LoseDisk,
    Fault::Rot,
    Fault::Cut,
    Fault::Append,
    Fault::Remove,
    Fault::Create,
    Fault::Replication,
    Fault::Fill,
];

/// A cluster in which for some minutes everything goes wrong; then nothing does.
fn chaos(seed: u64) -> World {
    let mut rng = Rng::new(seed ^ 0x00ca_b005);
    let nodes = 4 + rng.below(6);
    let racks = rng.choose(&[1, 2, 2, 2, 3]).copied().unwrap_or(2);
    let mut world = World::new(seed, nodes, racks);
    for _ in 0..10 + rng.below(20) {
        create(&mut world, &mut rng);
    }
    world.run(5);
    world.roughness = Roughness {
        late_ms: 9_000,
        fail_percent: 10,
    };
    for _ in 0..120 {
        if rng.percent(30)
            && let Some(fault) = rng.choose(FAULTS)
        {
            go_wrong(&mut world, *fault, &mut rng);
        }
        world.run(1);
    }
    for datanode in world.dead() {
        if world.alive().len() < 4 || rng.percent(50) {
            world.start(datanode);
        }
    }
    world.heal();
    world.run(MENDED_AFTER);
    world.find_unmended();
    let (copied, deleted) = (world.judge.copied, world.judge.deleted);
    world.run(30);
    let (copied, deleted) = (world.judge.copied - copied, world.judge.deleted - deleted);
    if copied + deleted > 0 {
        world.violate(Violation {
            rule: Rule::Idle,
            block: None,
            why: format!(
                "all is well for long, and it orders {copied} copies and {deleted} deletions"
            ),
        });
    }
    world
}

fn create(world: &mut World, rng: &mut Rng) {
    let mut pipeline = world.alive();
    rng.shuffle(&mut pipeline);
    let replication = 1 + rng.index(4);
    pipeline.truncate(replication);
    world.create(&pipeline, replication);
}

fn go_wrong(world: &mut World, fault: Fault, rng: &mut Rng) {
    let (alive, dead) = (world.alive(), world.dead());
    let Some(node) = rng.choose(&alive).copied() else {
        return;
    };
    let Some(block) = rng.choose(&world.blocks()).copied() else {
        return;
    };
    let holder = rng.choose(&world.holders(block)).copied();
    match fault {
        Fault::Kill if alive.len() > 3 => world.kill(node),
        Fault::Start => {
            if let Some(dead) = rng.choose(&dead) {
                world.start(*dead);
            }
        }
        Fault::LoseDisk => world.lose_disk(node),
        Fault::Rot => holder.into_iter().for_each(|at| world.rot(at, block)),
        Fault::Cut => holder.into_iter().for_each(|at| world.cut(at, block)),
        Fault::Append => world.append(block),
        Fault::Remove => world.remove(block),
        Fault::Create => create(world, rng),
        Fault::Replication => world.set_replication(block, 1 + rng.index(4)),
        Fault::Fill => world.fill(node, rng.percent(50)),
        Fault::Kill => {}
    }
}

/// Runs many seeds and looks at these rules. A manager that orders nothing breaks few rules, but has shown nothing.
fn judge_chaos(rules: &[Rule]) {
    let mut idle = true;
    for seed in autograder::seeds(SEEDS) {
        let world = chaos(seed);
        idle &= world.judge.copied == 0 || world.judge.deleted == 0;
        expect_no_breach(&world, rules, seed);
    }
    assert!(
        !idle,
        "in all of these runs it never ordered both copies and deletions"
    );
}

/// `count` blocks of three replicas each, on 6 DataNodes in two racks; nothing is late, nothing fails.
fn calm(count: usize) -> (World, Vec<BlockId>) {
    let mut world = World::new(1, 6, 2);
    let blocks = (0..count).map(|i| {
        let node = |k| DatanodeId(((i + k) % 6) as u64 + 1);
        world.create(&[node(0), node(1), node(2)], 3)
    });
    let blocks = blocks.collect();
    world.run(3);
    (world, blocks)
}

fn expect_mended(mut world: World, rounds: usize) -> World {
    world.run(rounds);
    world.find_unmended();
    expect_no_breach(&world, &[Rule::Converges], 1);
    world
}

fn a_dead_datanode_s_replicas_are_made_anew() {
    let (mut world, _) = calm(12);
    world.kill(DatanodeId(1));
    let world = expect_mended(world, 80);
    let copied = world.judge.copied;
    assert!(
        copied >= 6,
        "dn1 held replicas of 6 blocks, and {copied} copies were ordered"
    );
}

fn a_block_that_should_have_more_gets_more() {
    let (mut world, blocks) = calm(4);
    world.set_replication(blocks[1], 5);
    let world = expect_mended(world, 40);
    assert_eq!(
        world.judge.copied, 2,
        "{} should have 5 replicas and had 3",
        blocks[1]
    );
}

fn what_is_too_much_goes() {
    let (mut world, blocks) = calm(6);
    world.set_replication(blocks[0], 1);
    world = expect_mended(world, 20);
    assert_eq!(
        world.judge.deleted, 2,
        "{} should have one replica and had 3",
        blocks[0]
    );
    // Its replicas were made anew meanwhile.
    world.kill(DatanodeId(2));
    world = expect_mended(world, 80);
    world.start(DatanodeId(2));
    expect_mended(world, 40);
}

fn what_belongs_to_no_file_goes() {
    let (mut world, blocks) = calm(6);
    world.kill(DatanodeId(3));
    world.run(20);
    for block in &blocks[..3] {
        world.remove(*block);
    }
    world.run(20);
    world.start(DatanodeId(3));
    let world = expect_mended(world, 60);
    assert!(
        world.judge.deleted >= 7,
        "three files were deleted, and all their replicas must go"
    );
}

fn a_corrupt_replica_is_replaced() {
    let (mut world, blocks) = calm(3);
    world.rot(DatanodeId(1), blocks[0]);
    world.heal();
    let world = expect_mended(world, 60);
    let seen = &[Rule::LastReplica, Rule::Target, Rule::Source];
    expect_no_breach(&world, seen, 1);
}

fn a_replica_that_missed_an_append_is_replaced() {
    let (mut world, blocks) = calm(3);
    world.kill(DatanodeId(1));
    world.append(blocks[0]);
    world.run(2);
    world.start(DatanodeId(1));
    let world = expect_mended(world, 80);
    expect_no_breach(&world, &[Rule::LastReplica, Rule::Source], 1);
}

fn copies_come_from_good_replicas() {
    judge_chaos(&[Rule::Source]);
}

fn copies_go_where_there_is_a_place() {
    judge_chaos(&[Rule::Target]);
}

fn no_datanode_takes_part_in_too_many_copies() {
    judge_chaos(&[Rule::Streams]);
}

fn nothing_is_copied_without_need() {
    judge_chaos(&[Rule::Needless]);
}

fn the_last_good_replica_stays() {
    judge_chaos(&[Rule::LastReplica]);
}

fn as_many_stay_as_there_should_be() {
    judge_chaos(&[Rule::BelowFactor, Rule::Deletion]);
}

fn two_racks_are_kept() {
    judge_chaos(&[Rule::Racks]);
}

fn a_second_rack_is_used_once_there_is_one() {
    let (mut world, _) = calm(6);
    for id in [1, 3, 5] {
        world.kill(DatanodeId(id));
    }
    // All that lives is in one rack.
    world = expect_mended(world, 100);
    for id in [1, 3, 5] {
        world.start(DatanodeId(id));
    }
    world = expect_mended(world, 100);
    expect_no_breach(&world, &[Rule::Racks, Rule::Needless], 1);
}

/// Hundreds of blocks have two replicas of three, when one block comes down to its last.
fn the_neediest_block_does_not_wait() {
    let mut world = World::new(2, 9, 2);
    let ids: Vec<DatanodeId> = world.alive();
    for i in 0..600 {
        let node = |k: usize| ids[(i + k) % ids.len()];
        world.create(&[node(0), node(1)], 3);
    }
    world.run(10);
    assert!(
        world.judge.copied > 0,
        "600 blocks lack a replica, and in 10 rounds no copy is ordered"
    );
    let needy = world.create(&[ids[4]], 3);
    let rounds = (0..25).find(|_| {
        world.run(1);
        world.judge.is_copied(needy)
    });
    if rounds.is_none() {
        world.violate(Violation {
            rule: Rule::Neediest,
            block: Some(needy),
            why: format!(
                "{needy} has one replica of three, and is not copied within 25 rounds, while there are 600 blocks with two"
            ),
        });
    }
    expect_no_breach(&world, &[Rule::Neediest, Rule::Streams], 2);
}

fn in_the_end_all_is_mended() {
    judge_chaos(&[Rule::Converges]);
}

fn then_nothing_is_ordered() {
    judge_chaos(&[Rule::Idle]);
}
