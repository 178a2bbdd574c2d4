//! DataNodes that leave the service and come back, racks too.

use node::Rng;

use super::TWO_RACKS;
use super::cluster::Cluster;
use crate::block::{BlockId, DatanodeId};
use crate::namenode::hosts::Wish;
use crate::protocol::{AdminState, ReplicaHealth};

const OUT: Option<Wish> = Some(Wish::Decommission);

fn maintenance(cluster: &Cluster, seconds: u64) -> Option<Wish> {
    let until_ms = Some(cluster.now.as_millis() + 1000 * seconds);
    Some(Wish::Maintenance { until_ms })
}

/// The nodes in service that have a good replica.
fn in_service(cluster: &Cluster, block: BlockId) -> Vec<u64> {
    let good = cluster.good(block).into_iter();
    good.filter(|id| cluster.admin(*id) == AdminState::Normal)
        .collect()
}

fn racks_of(cluster: &Cluster, nodes: &[u64]) -> std::collections::BTreeSet<&'static str> {
    let rack = |id: &u64| cluster.racks[usize::try_from(*id).unwrap()];
    nodes.iter().map(rack).collect()
}

#[test]
fn a_decommissioned_node_can_be_switched_off() {
    let mut cluster = Cluster::new(&TWO_RACKS);
    let blocks: Vec<BlockId> = (0..10).map(|_| cluster.write(3)).collect();
    cluster.wish(0, OUT);
    assert_eq!(cluster.admin(0), AdminState::DecommissionInProgress);
    cluster.run(1);
    let here: Vec<BlockId> = blocks
        .iter()
        .copied()
        .filter(|id| cluster.good(*id).contains(&0))
        .collect();
    assert!(!here.is_empty());
    let leaving = cluster.manager.leaving_status(DatanodeId(0));
    assert_eq!(leaving.under_replicated, here.len() as u64, "{leaving:?}");
    let read = cluster
        .manager
        .located_block(here[0], 0, None, cluster.now, &mut cluster.rng);
    let last = read.unwrap().locations.last().unwrap().id;
    assert_eq!(last, DatanodeId(0), "it can be read from, but last");
    let shown = cluster.manager.fsck(here[0], cluster.now).unwrap();
    let shown = shown.replicas.iter().find(|(node, _)| node.id.0 == 0);
    assert_eq!(shown.unwrap().1, ReplicaHealth::Decommissioning);

    cluster.run(60);
    assert_eq!(cluster.admin(0), AdminState::Decommissioned);
    for id in &blocks {
        assert_eq!(in_service(&cluster, *id).len(), 3);
    }
    for id in &here {
        assert!(cluster.good(*id).contains(&0), "nothing was deleted there");
    }
    let new: Vec<BlockId> = (0..20).map(|_| cluster.write(3)).collect();
    assert!(new.iter().all(|id| !cluster.good(*id).contains(&0)));

    cluster.nodes.get_mut(&0).unwrap().up = false;
    let copies = cluster.status().pending_replication;
    cluster.run(60);
    assert_eq!(cluster.status().under_replicated, 0);
    assert_eq!(copies, 0);
}

#[test]
fn a_node_with_the_only_replica_is_not_done_before_it_was_copied() {
    let mut cluster = Cluster::new(&["/r1", "/r2"]);
    let blocks: Vec<BlockId> = (0..10).map(|_| cluster.write(1)).collect();
    cluster.wish(0, OUT);
    cluster.wish(1, OUT);
    cluster.run(30);
    // There is nowhere to go.
    for id in [0, 1] {
        assert_eq!(cluster.admin(id), AdminState::DecommissionInProgress);
        let leaving = cluster.manager.leaving_status(DatanodeId(id));
        assert!(leaving.only_here > 0 && leaving.only_here == leaving.under_replicated);
    }
    cluster.wish(1, None);
    cluster.run(60);
    assert_eq!(cluster.admin(0), AdminState::Decommissioned);
    for id in blocks {
        assert!(cluster.good(id).contains(&1));
    }
}

#[test]
fn a_recommissioned_node_gives_up_what_is_too_much() {
    let mut cluster = Cluster::new(&TWO_RACKS);
    for _ in 0..10 {
        cluster.write(3);
    }
    cluster.wish(3, OUT);
    cluster.run(60);
    assert_eq!(cluster.admin(3), AdminState::Decommissioned);
    cluster.wish(3, None);
    cluster.run(20);
    cluster.assert_settled();
}

#[test]
fn an_order_to_leave_survives_the_namenode_and_the_node() {
    let mut cluster = Cluster::new(&TWO_RACKS);
    let block = cluster.write(3);
    cluster.wish(0, OUT);
    cluster.restart_namenode();
    cluster.run(60);
    assert_eq!(cluster.admin(0), AdminState::Decommissioned);
    cluster.register(0);
    assert_eq!(cluster.admin(0), AdminState::Decommissioned);
    cluster.run(10);
    assert_eq!(in_service(&cluster, block).len(), 3);
}

#[test]
fn a_dead_node_is_done_when_nothing_is_missing_that_it_might_have() {
    let mut cluster = Cluster::new(&["/r1", "/r1", "/r2"]);
    let block = cluster.write(3);
    cluster.nodes.get_mut(&0).unwrap().up = false;
    cluster.wish(0, OUT);
    cluster.run(60);
    assert_eq!(cluster.status().under_replicated, 1);
    assert_eq!(cluster.admin(0), AdminState::DecommissionInProgress);
    cluster.manager.blocks_mut().set_replication(block, 2);
    cluster.manager.replication_changed(&[block]);
    cluster.run(60);
    assert_eq!(cluster.admin(0), AdminState::Decommissioned);
}

/// Seed 0x1d3 of the simulator: it was said to be decommissioned as soon as it had reported, for nothing had been found on it
/// while it was dead.
#[test]
fn a_dead_node_that_comes_back_is_looked_at_again() {
    let mut cluster = Cluster::new(&["/r1", "/r1", "/r2"]);
    let blocks: Vec<BlockId> = (0..6).map(|_| cluster.write(1)).collect();
    let node = *cluster.good(blocks[0]).first().unwrap();
    cluster.wish(node, OUT);
    cluster.nodes.get_mut(&node).unwrap().up = false;
    // Only what nobody else has is missing; nothing can be copied.
    cluster.manager.set_safe_mode(true, cluster.now);
    cluster.run(60);
    cluster.manager.set_safe_mode(false, cluster.now);
    cluster.run(10);
    assert_eq!(cluster.status().dead_datanodes, 1);
    assert_eq!(cluster.admin(node), AdminState::DecommissionInProgress);
    cluster.start(node);
    cluster.manager.tick(cluster.now, &mut cluster.rng);
    assert_eq!(cluster.admin(node), AdminState::DecommissionInProgress);
    cluster.run(60);
    assert_eq!(cluster.admin(node), AdminState::Decommissioned);
    for id in blocks {
        assert!(!in_service(&cluster, id).is_empty(), "{id}");
    }
}

#[test]
fn a_node_in_a_pipeline_waits_for_it() {
    let mut cluster = Cluster::new(&["/r1", "/r1", "/r2"]);
    let (block, pipeline) = cluster.begin(1);
    let writer = pipeline[0].0;
    cluster.wish(writer, OUT);
    cluster.run(30);
    assert_eq!(cluster.admin(writer), AdminState::DecommissionInProgress);
    let leaving = cluster.manager.leaving_status(DatanodeId(writer));
    assert_eq!((leaving.in_open_files, leaving.only_here), (1, 1));
    let block = crate::block::Block { len: 5, ..block };
    cluster.receive(pipeline[0], block);
    cluster.commit(block);
    cluster.run(60);
    assert_eq!(cluster.admin(writer), AdminState::Decommissioned);
    assert_eq!(in_service(&cluster, block.id).len(), 1);
}

#[test]
fn a_node_in_maintenance_is_not_missed_until_it_is_late() {
    let mut cluster = Cluster::new(&TWO_RACKS);
    let blocks: Vec<BlockId> = (0..10).map(|_| cluster.write(3)).collect();
    let lonely = cluster.write(1);
    let node = *cluster.good(lonely).first().unwrap();
    let before: Vec<_> = blocks.iter().map(|id| cluster.good(*id)).collect();
    let wish = maintenance(&cluster, 200);
    cluster.wish(node, wish);
    assert_eq!(cluster.admin(node), AdminState::EnteringMaintenance);
    cluster.run(30);
    assert_eq!(cluster.admin(node), AdminState::InMaintenance);
    assert_eq!(
        in_service(&cluster, lonely).len(),
        1,
        "one replica must be elsewhere"
    );
    cluster.nodes.get_mut(&node).unwrap().up = false;
    cluster.run(100);
    assert_eq!(cluster.status().dead_datanodes, 1);
    assert_eq!(cluster.status().under_replicated, 0);
    cluster.nodes.get_mut(&node).unwrap().up = true;
    let after: Vec<_> = blocks.iter().map(|id| cluster.good(*id)).collect();
    assert_eq!(before, after, "nothing was copied");
    cluster.nodes.get_mut(&node).unwrap().up = false;

    // It does not come back in time.
    cluster.run(150);
    assert_eq!(cluster.admin(node), AdminState::Normal);
    for id in &blocks {
        assert_eq!(in_service(&cluster, *id).len(), 3);
    }
    cluster.start(node);
    cluster.run(20);
    cluster.assert_settled();
}

#[test]
fn a_node_back_from_maintenance_costs_nothing() {
    let mut cluster = Cluster::new(&TWO_RACKS);
    let blocks: Vec<BlockId> = (0..10).map(|_| cluster.write(3)).collect();
    let before: Vec<_> = blocks.iter().map(|id| cluster.good(*id)).collect();
    let wish = maintenance(&cluster, 1000);
    cluster.wish(4, wish);
    cluster.run(20);
    cluster.nodes.get_mut(&4).unwrap().up = false;
    cluster.run(60);
    cluster.start(4);
    cluster.wish(4, None);
    cluster.run(20);
    let after: Vec<_> = blocks.iter().map(|id| cluster.good(*id)).collect();
    assert_eq!(before, after);
    cluster.assert_settled();
}

#[test]
fn a_rack_lost_and_back_leaves_every_block_on_two_racks() {
    let mut cluster = Cluster::new(&["/r1", "/r1", "/r1", "/r1", "/r2", "/r2", "/r2"]);
    let mut blocks: Vec<BlockId> = (0..20).map(|_| cluster.write(3)).collect();
    for id in 4..7 {
        cluster.nodes.get_mut(&id).unwrap().up = false;
    }
    cluster.run(60);
    assert_eq!(
        cluster.status().under_replicated,
        0,
        "three on the rack that is left"
    );
    blocks.extend((0..10).map(|_| cluster.write(3)));
    for id in 4..7 {
        cluster.start(id);
        cluster.run(3);
    }
    cluster.run(60);
    cluster.assert_settled();
    for id in &blocks {
        let nodes: Vec<u64> = cluster.good(*id).into_iter().collect();
        assert_eq!(racks_of(&cluster, &nodes).len(), 2, "{id}: {nodes:?}");
    }
}

#[test]
fn many_blocks_are_walked_over_in_several_ticks() {
    let mut cluster = Cluster::new(&["/r1", "/r1", "/r1"]);
    let many = super::super::redundancy::RESCAN_LIMIT as u64 + 5;
    for _ in 0..many {
        cluster.write(3);
    }
    cluster.wish(0, OUT);
    assert!(
        cluster.manager.tick(cluster.now, &mut cluster.rng),
        "one tick is not enough"
    );
    cluster.run(4);
    let counts = cluster.manager.blocks.counts();
    let found = cluster.manager.leaving_status(DatanodeId(0));
    assert!(counts.under_replicated > 0 && found.under_replicated > 0);
    cluster.wish(0, None);
    cluster.run(5);
    assert_eq!(cluster.manager.blocks.counts().under_replicated, 0);
}

/// Nodes leave, die, come back: one that is said to be decommissioned is not needed, whatever else happens.
#[test]
fn random_lives_with_an_operator() {
    for seed in 0..100 {
        let mut cluster = Cluster::new(&["/r1", "/r1", "/r2", "/r2", "/r3", "/r3"]);
        cluster.rng = Rng::new(seed);
        cluster.loss = 10;
        let blocks: Vec<BlockId> = (0..8).map(|_| cluster.write(2)).collect();
        for _ in 0..50 {
            let node = cluster.rng.below(6);
            let down = cluster.nodes.values().filter(|node| !node.up).count();
            let out = (0..6).filter(|id| cluster.admin(*id) != AdminState::Normal);
            let out = out.count();
            match (cluster.rng.below(7), out) {
                (0, _) if down == 0 => cluster.nodes.get_mut(&node).unwrap().up = false,
                (1 | 2, _) if !cluster.nodes[&node].up => cluster.start(node),
                (3, 0..2) => cluster.wish(node, OUT),
                (4, 0..2) => {
                    let wish = maintenance(&cluster, 20);
                    cluster.wish(node, wish);
                }
                (5, _) => cluster.wish(node, None),
                (6, _) if seed % 4 == 0 => cluster.restart_namenode(),
                _ => {}
            }
            let seconds = cluster.rng.below(12);
            for _ in 0..seconds {
                let before: Vec<AdminState> = (0..6).map(|id| cluster.admin(id)).collect();
                cluster.run(1);
                for (id, before) in (0..6).zip(before) {
                    let done = cluster.admin(id) == AdminState::Decommissioned;
                    if done && before == AdminState::DecommissionInProgress {
                        for block in &blocks {
                            let elsewhere = in_service(&cluster, *block).len();
                            let needed = cluster.good(*block).contains(&id) && elsewhere == 0;
                            assert!(!needed, "seed {seed}: node {id} has {block} alone");
                        }
                    }
                }
            }
        }
        cluster.loss = 0;
        for id in 0..6 {
            cluster.wish(id, None);
            cluster.start(id);
        }
        cluster.run(120);
        cluster.assert_settled();
    }
}

/// The node that `block` was moved to says so, as the balancer's target does.
fn say_moved(cluster: &mut Cluster, block: BlockId, from: u64, to: u64) {
    let replica = cluster.nodes[&from].replicas[&block];
    cluster
        .nodes
        .get_mut(&to)
        .unwrap()
        .replicas
        .insert(block, replica);
    let (block, delete) = (replica.0, DatanodeId(from));
    cluster.tell(to, crate::protocol::BlockEvent::Moved { block, delete });
}

#[test]
fn what_the_balancer_has_moved_goes_from_where_it_was() {
    for seed in 0..30 {
        let mut cluster = Cluster::new(&["/r1", "/r1", "/r1", "/r2", "/r2"]);
        cluster.rng = Rng::new(seed);
        let block = cluster.write(3);
        let holders = cluster.good(block);
        let rack = |id: &u64| cluster.racks[usize::try_from(*id).unwrap()];
        // Within a rack.
        let moves: Vec<(u64, u64)> = holders
            .iter()
            .flat_map(|from| (0..5).map(|to| (*from, to)))
            .filter(|(from, to)| !holders.contains(to) && rack(from) == rack(to))
            .collect();
        let (from, to) = moves[0];
        let told = cluster
            .manager
            .get_blocks(DatanodeId(from), 1000, 1, &mut Rng::new(seed));
        let told = told.unwrap();
        assert_eq!((told.len(), told[0].holders.len()), (1, 3));
        say_moved(&mut cluster, block, from, to);
        cluster.run(3);
        let after = cluster.good(block);
        assert!(after.contains(&to) && !after.contains(&from), "{after:?}");
        cluster.assert_settled();
    }
}

#[test]
fn a_move_does_not_cost_a_rack() {
    let mut cluster = Cluster::new(&["/r1", "/r1", "/r2"]);
    let block = cluster.write(2);
    // Whoever asked for this did not know the racks.
    let alone = cluster.good(block).into_iter().find(|id| *id == 2).unwrap();
    let to = (0..2).find(|id| !cluster.good(block).contains(id)).unwrap();
    say_moved(&mut cluster, block, alone, to);
    cluster.run(5);
    assert!(cluster.good(block).contains(&2), "it keeps the second rack");
    cluster.assert_settled();
}
