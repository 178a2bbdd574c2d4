//! The capstone: whatever a router is like inside, these are the rules that its answers and its plans keep. First a few short stories; then
//! clusters whose nodes come and go at random, and a judge that looks at every change.

pub(crate) mod judge;
mod own;
mod world;

use autograder::{Test, tests};
use consistent_hash::capstone::{Change, WEIGHT_MAX};
use consistent_hash::{MembershipError, Node, NodeId};
use node::Rng;

use judge::Rule;
use world::{World, below};

pub(crate) const TESTS: &[Test] = tests![
    the_first_node_holds_everything,
    the_second_and_the_third_get_copies,
    replicas_are_different_members,
    replicas_stand_in_different_zones,
    a_heavy_node_holds_more,
    each_node_holds_its_share,
    each_node_answers_its_share_of_reads,
    a_change_moves_little,
    routers_that_know_the_same_members_agree,
    a_plan_is_complete,
    a_plan_has_no_superfluous_move,
    a_copy_comes_from_who_has_it,
    what_cannot_be_is_refused,
    large_clusters_are_no_different,
    the_router_is_your_own,
];

/// Seeds in an ordinary run.
const SEEDS: u64 = 4;

fn sentence(rule: Rule) -> &'static str {
    match rule {
        Rule::Copies => "each position is held by three different members, or by all (rule 1)",
        Rule::Zones => "replicas stand in different zones (rule 2)",
        Rule::Agreement => "the answer depends on the members alone (rule 3)",
        Rule::Balance => "each node holds its fair share (rule 4)",
        Rule::Firsts => "each node is the first replica of its fair share (rule 5)",
        Rule::Movement => "a change copies little more than it must (rule 6)",
        Rule::Complete => "a plan is complete (rule 7)",
        Rule::Superfluous => "a plan has no superfluous move (rule 8)",
        Rule::Source => "a move's source has what it sends (rule 9)",
        Rule::Refusal => "what cannot be is refused, and nothing else (rule 10)",
    }
}

fn expect_no_breach(world: &World, rules: &[Rule], seed: u64) {
    if let Some((rule, breach)) = world.breach(rules) {
        panic!("seed {seed:#x}: {}: {breach}", sentence(rule));
    }
}

fn node(id: u32, weight: u32, zone: u32) -> Node {
    Node {
        id: NodeId(id),
        weight,
        zone: Some(zone),
    }
}

/// A cluster of these nodes, by weight and zone; ids count from 1.
fn cluster(seed: u64, nodes: &[(u32, u32)]) -> World {
    let mut world = World::new(seed);
    for (id, (weight, zone)) in (1..).zip(nodes) {
        world.change(Change::Join(node(id, *weight, *zone)));
    }
    world
}

/// A cluster of `count` nodes at first, in three to six zones of about the same weight, which then changes at random.
fn chaos(seed: u64, count: u32, changes: usize) -> World {
    let mut rng = Rng::new(seed ^ 0xcafe);
    let mut world = World::new(seed);
    let zones = 3 + below(&mut rng, 4);
    let mut members: Vec<Node> = Vec::new();
    for _ in 0..count {
        members.push(fresh(&members, zones, &mut rng));
    }
    world.begin(&members);
    let mut gone: Vec<Node> = Vec::new();
    for _ in 0..changes {
        let ids: Vec<NodeId> = world.members().keys().copied().collect();
        let Some(id) = rng.choose(&ids).copied() else {
            return world;
        };
        match rng.below(7) {
            0..=2 => {
                let members: Vec<Node> = world.members().values().copied().collect();
                world.change(Change::Join(fresh(&members, zones, &mut rng)));
            }
            3 if !gone.is_empty() => {
                // It comes back, as it was; unless its number has been given to another one.
                let back = gone.remove(rng.index(gone.len()));
                if !world.members().contains_key(&back.id) {
                    world.change(Change::Join(back));
                }
            }
            what => {
                gone.extend(world.members().get(&id).copied());
                let leave = if what == 4 {
                    Change::Leave(id)
                } else {
                    Change::Fail(id)
                };
                world.change(leave);
            }
        }
    }
    world
}

/// A node that is not among these, in the zone with the least weight.
fn fresh(members: &[Node], zones: u32, rng: &mut Rng) -> Node {
    let weight = |zone: &u32| -> u32 {
        let there = members.iter().filter(|n| n.zone == Some(*zone));
        there.map(|n| n.weight).sum()
    };
    let zone = (0..zones).min_by_key(weight).unwrap_or(0);
    let mut id = 1 + below(rng, 1_000);
    while members.iter().any(|member| member.id == NodeId(id)) {
        id += 1;
    }
    node(id, 1 + below(rng, WEIGHT_MAX), zone)
}

/// Runs many seeds and looks at these rules.
fn judge_chaos(rules: &[Rule]) {
    for seed in autograder::seeds(SEEDS) {
        let count = 4 + (seed % 11) as u32;
        expect_no_breach(&chaos(seed, count, 10), rules, seed);
    }
}

const POSITIONS: [u64; 5] = [0, 1, 0x1234_5678_9abc_def0, u64::MAX / 2, u64::MAX];

fn the_first_node_holds_everything() {
    let mut world = World::new(1);
    for position in POSITIONS {
        let nobody: Vec<NodeId> = Vec::new();
        assert_eq!(
            world.replicas(position),
            nobody,
            "there is nobody to hold {position:#x}"
        );
    }
    world.change(Change::Join(node(7, 2, 0)));
    for position in POSITIONS {
        assert_eq!(
            world.replicas(position),
            [NodeId(7)],
            "only n7 can hold {position:#x}"
        );
    }
    expect_no_breach(&world, &[Rule::Superfluous, Rule::Source], 1);
    world.change(Change::Fail(NodeId(7)));
    world.change(Change::Join(node(8, 1, 0)));
    expect_no_breach(&world, &[Rule::Superfluous, Rule::Source], 1);
}

fn the_second_and_the_third_get_copies() {
    let world = cluster(1, &[(1, 0), (1, 1), (1, 2)]);
    for position in POSITIONS {
        let mut held = world.replicas(position);
        held.sort();
        assert_eq!(
            held,
            [1, 2, 3].map(NodeId),
            "three nodes and three copies: of {position:#x} too"
        );
    }
    expect_no_breach(
        &world,
        &[Rule::Complete, Rule::Superfluous, Rule::Source],
        1,
    );
}

fn replicas_are_different_members() {
    judge_chaos(&[Rule::Copies]);
}

fn replicas_stand_in_different_zones() {
    // Zones of one node each, and one of many.
    let uneven = [(1, 0), (1, 0), (1, 0), (1, 0), (1, 0), (1, 1), (1, 2)];
    expect_no_breach(&cluster(1, &uneven), &[Rule::Zones], 1);
    // Fewer zones than copies.
    let two = [(1, 0), (4, 0), (1, 0), (2, 1), (1, 1)];
    expect_no_breach(&cluster(2, &two), &[Rule::Zones], 2);
    expect_no_breach(
        &cluster(3, &[(1, 0), (2, 0), (3, 0), (4, 0)]),
        &[Rule::Zones],
        3,
    );
    judge_chaos(&[Rule::Zones]);
}

fn a_heavy_node_holds_more() {
    let nodes = [
        (1, 0),
        (4, 0),
        (1, 1),
        (4, 1),
        (1, 2),
        (4, 2),
        (1, 3),
        (4, 3),
    ];
    expect_no_breach(&cluster(1, &nodes), &[Rule::Balance], 1);
}

fn each_node_holds_its_share() {
    judge_chaos(&[Rule::Balance]);
}

fn each_node_answers_its_share_of_reads() {
    judge_chaos(&[Rule::Firsts]);
}

fn a_change_moves_little() {
    judge_chaos(&[Rule::Movement]);
}

fn routers_that_know_the_same_members_agree() {
    for seed in autograder::seeds(SEEDS) {
        let mut world = chaos(seed, 3 + (seed % 9) as u32, 8);
        world.ask_another();
        expect_no_breach(&world, &[Rule::Agreement], seed);
    }
}

fn a_plan_is_complete() {
    judge_chaos(&[Rule::Complete]);
}

fn a_plan_has_no_superfluous_move() {
    judge_chaos(&[Rule::Superfluous]);
}

fn a_copy_comes_from_who_has_it() {
    judge_chaos(&[Rule::Source]);
}

fn what_cannot_be_is_refused() {
    let mut world = cluster(1, &[(1, 0), (2, 1), (3, 2), (1, 0)]);
    let twice = Change::Join(node(2, 8, 0));
    world.expect_refusal(twice, &MembershipError::AlreadyMember(NodeId(2)));
    for change in [Change::Leave(NodeId(9)), Change::Fail(NodeId(9))] {
        world.expect_refusal(change, &MembershipError::NotMember(NodeId(9)));
    }
    expect_no_breach(&world, &[Rule::Refusal], 1);
    judge_chaos(&[Rule::Refusal]);
}

fn large_clusters_are_no_different() {
    let rules = [
        Rule::Zones,
        Rule::Balance,
        Rule::Movement,
        Rule::Complete,
        Rule::Superfluous,
        Rule::Source,
    ];
    // In each of the six zones two nodes of each weight, so that rules 4 to 6 hold.
    let nodes: Vec<Node> = (1..=36)
        .map(|id| node(id, 1 + id % 3, id / 3 % 6))
        .collect();
    let mut world = World::new(5);
    world.begin(&nodes);
    world.change(Change::Fail(NodeId(17)));
    world.change(Change::Leave(NodeId(30)));
    expect_no_breach(&world, &rules, 5);
}

/// The ring with its handovers, or a ranking of rendezvous, would be half of the answer.
fn the_router_is_your_own() {
    let mut world = World::new(1);
    world.change(Change::Join(node(7, 2, 0)));
    assert_eq!(
        world.replicas(0),
        [NodeId(7)],
        "the first node holds everything"
    );
    let borrowed = own::borrowed(include_str!("../../src/capstone/router.rs"));
    assert!(
        borrowed.is_empty(),
        "src/capstone/router.rs names {}: of this crate it may use `hash` and the types of a node, and no strategy; write what you \
         need into router.rs",
        borrowed.join(", ")
    );
}
