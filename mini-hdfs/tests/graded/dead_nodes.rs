//! Live, stale, dead: what silence means, and how a node comes back.

use std::time::Duration;

use autograder::{Test, tests};
use mini_hdfs::block::{DatanodeId, DatanodeInfo};
use mini_hdfs::namenode::datanodes::{DatanodeManager, datanode_state};
use mini_hdfs::protocol::{DatanodeState, Heartbeat, RegistrationId};
use node::{Rng, Time};

pub(crate) const TESTS: &[Test] = tests![
    dead_nodes_have_been_silent_for_longer_than_the_limit,
    dead_nodes_are_found_once,
    dead_nodes_must_register_before_they_are_heard,
    dead_nodes_that_speak_before_they_are_found_are_not_dead,
    dead_nodes_and_strangers_have_no_registration,
    dead_nodes_are_not_kept_alive_by_an_earlier_life,
    dead_nodes_give_their_address_to_others,
];

const STALE: Duration = Duration::from_secs(30);
const DEAD: Duration = Duration::from_secs(630);

fn at(seconds: u64) -> Time {
    Time::from_millis(seconds * 1000)
}

fn info(id: u64, port: u16) -> DatanodeInfo {
    DatanodeInfo {
        id: DatanodeId(id),
        hostname: "host".to_owned(),
        address: format!("127.0.0.1:{port}"),
        rack: "/r1".to_owned(),
    }
}

fn heartbeat(id: u64, registration: RegistrationId) -> Heartbeat {
    Heartbeat {
        id: DatanodeId(id),
        registration,
        remaining: 5,
        ..Heartbeat::default()
    }
}

struct Cluster {
    manager: DatanodeManager,
    rng: Rng,
}

impl Cluster {
    fn new() -> Cluster {
        Cluster {
            manager: DatanodeManager::new(STALE, DEAD),
            rng: Rng::new(1),
        }
    }

    fn register(&mut self, id: u64, port: u16, now: u64) -> RegistrationId {
        let registered = self
            .manager
            .register(info(id, port), at(now), &mut self.rng);
        registered.registration
    }

    fn state(&self, id: u64, now: u64) -> DatanodeState {
        let node = self.manager.get(DatanodeId(id)).expect("it is known");
        self.manager.state_of(node, at(now))
    }
}

fn dead_nodes_have_been_silent_for_longer_than_the_limit() {
    for (now, expected) in [
        (100, DatanodeState::Live),
        (130, DatanodeState::Live),
        (131, DatanodeState::Stale),
        (730, DatanodeState::Stale),
        (731, DatanodeState::Dead),
        // A heartbeat may have been noted just after `now` was read.
        (99, DatanodeState::Live),
    ] {
        let state = datanode_state(at(100), at(now), STALE, DEAD);
        assert_eq!(
            state, expected,
            "heard at 100 s, seen at {now} s; stale after more than 30 s, dead after more than 630 s"
        );
    }
}

fn dead_nodes_are_found_once() {
    let mut cluster = Cluster::new();
    let first = cluster.register(1, 1, 0);
    cluster.register(2, 2, 0);
    assert!(
        cluster.manager.heartbeat(&heartbeat(1, first), at(600)),
        "node 1 is registered, so it is heard"
    );
    assert_eq!(
        cluster.manager.find_dead(at(620)),
        [],
        "node 2 has been silent for 620 s, and the limit is 630 s"
    );
    assert_eq!(
        cluster.manager.find_dead(at(700)),
        [DatanodeId(2)],
        "heard 700 s ago"
    );
    assert_eq!(
        cluster.manager.find_dead(at(800)),
        [],
        "known to be dead already"
    );
    assert_eq!(cluster.manager.alive_count(), 1, "node 1 is left");
    assert_eq!(
        (cluster.state(1, 700), cluster.state(2, 700)),
        (DatanodeState::Stale, DatanodeState::Dead),
        "node 1 was heard 100 s ago, node 2 was declared dead"
    );
}

fn dead_nodes_must_register_before_they_are_heard() {
    let mut cluster = Cluster::new();
    let old = cluster.register(1, 1, 0);
    cluster.manager.find_dead(at(700));
    let heard = cluster.manager.heartbeat(&heartbeat(1, old), at(701));
    assert!(
        !heard,
        "its replicas were given up, so it must report them anew"
    );
    assert_eq!(
        cluster.state(1, 701),
        DatanodeState::Dead,
        "what it said was not noted"
    );
    assert!(
        cluster.manager.check(DatanodeId(1), old).is_err(),
        "whoever was declared dead may not speak"
    );

    let new = cluster.register(1, 1, 702);
    assert!(
        cluster.manager.heartbeat(&heartbeat(1, new), at(703)),
        "it has registered anew"
    );
    assert_eq!(cluster.state(1, 703), DatanodeState::Live, "heard just now");
    assert!(
        cluster.manager.set_reported(DatanodeId(1)),
        "it owes a report again"
    );
}

fn dead_nodes_that_speak_before_they_are_found_are_not_dead() {
    let mut cluster = Cluster::new();
    let registration = cluster.register(1, 1, 0);
    assert_eq!(
        cluster.state(1, 700),
        DatanodeState::Dead,
        "silent for 700 s"
    );
    assert!(
        cluster
            .manager
            .heartbeat(&heartbeat(1, registration), at(700)),
        "nobody has declared it dead yet, so it may speak"
    );
    assert_eq!(
        cluster.manager.find_dead(at(701)),
        [],
        "it was heard 1 s ago"
    );
}

fn dead_nodes_and_strangers_have_no_registration() {
    let mut cluster = Cluster::new();
    let first = cluster.register(1, 1, 0);
    assert!(
        !cluster.manager.heartbeat(&heartbeat(9, first), at(1)),
        "node 9 never registered"
    );
    let second = cluster.register(1, 1, 2);
    assert_ne!(first, second, "each registration is a new one");
    assert!(
        !cluster.manager.heartbeat(&heartbeat(1, first), at(3)),
        "the first is void since the second"
    );
    assert!(
        cluster.manager.heartbeat(&heartbeat(1, second), at(3)),
        "the second is its current registration"
    );
    assert_eq!(cluster.manager.alive_count(), 1, "it is still one node");
}

fn dead_nodes_are_not_kept_alive_by_an_earlier_life() {
    let mut cluster = Cluster::new();
    let first = cluster.register(1, 1, 0);
    let second = cluster.register(1, 1, 100);
    assert!(
        !cluster.manager.heartbeat(&heartbeat(1, first), at(700)),
        "the first registration is void since the second"
    );
    let node = cluster.manager.get(DatanodeId(1)).expect("it is known");
    assert_eq!(
        (node.last_contact, node.heartbeat.remaining),
        (at(100), 0),
        "nothing is noted of a heartbeat that is refused"
    );
    assert!(
        cluster.manager.heartbeat(&heartbeat(1, second), at(701)),
        "the second is its current registration"
    );
    let node = cluster.manager.get(DatanodeId(1)).expect("it is known");
    assert_eq!(
        (node.last_contact, node.heartbeat.remaining),
        (at(701), 5),
        "of one that is accepted, the time and its figures are noted"
    );
}

fn dead_nodes_give_their_address_to_others() {
    let mut cluster = Cluster::new();
    let old = cluster.register(1, 50, 0);
    let other = cluster
        .manager
        .register(info(2, 50), at(1), &mut cluster.rng);
    assert_eq!(
        other.replaced,
        Some(DatanodeId(1)),
        "the storage behind that address is another one"
    );
    assert!(
        !cluster.manager.heartbeat(&heartbeat(1, old), at(2)),
        "node 1 is forgotten: its address is another one's"
    );
    assert_eq!(cluster.manager.alive_count(), 1, "only node 2 is known");

    let moved = cluster
        .manager
        .register(info(2, 51), at(3), &mut cluster.rng);
    assert_eq!(moved.replaced, None, "a node may move to a free address");
    let third = cluster
        .manager
        .register(info(3, 50), at(4), &mut cluster.rng);
    assert_eq!(third.replaced, None, "the address that it left is free");
    assert_eq!(cluster.manager.alive_count(), 2, "nodes 2 and 3");
}
