//! Writers that die, and what becomes of their files.

use std::time::Duration;

use node::Time;

use super::{NOW, Rig, long, request};
use crate::block::{Block, DatanodeId, GenerationStamp, InodeId, ReplicaState};
use crate::error::FsError;
use crate::namenode::Config;
use crate::namenode::blocks::BlockState;
use crate::namenode::leases::NAMENODE_HOLDER;
use crate::protocol::{
    BlockEvent, BlockSynchronization, Command, Heartbeat, RecoveringBlock, ReportedReplica,
};

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const SOON: Time = Time::from_millis(1_000_000 + 61_000);

impl Rig {
    /// What DataNode `id` is told to recover; the others send heartbeats too, so that none is dead.
    fn told(&mut self, id: u64, now: Time) -> Vec<RecoveringBlock> {
        let mut told = Vec::new();
        for (index, registration) in self.registrations.clone().into_iter().enumerate() {
            let heartbeat = Heartbeat {
                id: DatanodeId(index as u64 + 1),
                registration,
                capacity: 1 << 40,
                remaining: 1 << 40,
                ..Heartbeat::default()
            };
            for command in self.namenode.heartbeat(&heartbeat, now) {
                if let (Command::Recover(orders), true) = (command, heartbeat.id.0 == id) {
                    told.extend(orders);
                }
            }
        }
        told
    }

    /// All that any DataNode is told to recover, with the DataNode.
    fn orders(&mut self, now: Time) -> Vec<(DatanodeId, RecoveringBlock)> {
        let mut orders = Vec::new();
        for (index, registration) in self.registrations.clone().into_iter().enumerate() {
            let id = DatanodeId(index as u64 + 1);
            let heartbeat = Heartbeat {
                id,
                registration,
                ..Heartbeat::default()
            };
            for command in self.namenode.heartbeat(&heartbeat, now) {
                if let Command::Recover(blocks) = command {
                    orders.extend(blocks.into_iter().map(|block| (id, block)));
                }
            }
        }
        orders
    }

    fn event(&mut self, id: u64, event: BlockEvent, now: Time) {
        let registration = self.registrations[usize::try_from(id - 1).unwrap()];
        self.namenode
            .incremental_block_report(DatanodeId(id), registration, &[event], now)
            .unwrap();
    }

    fn client(&self, inode: InodeId) -> Option<String> {
        let inode = self.namenode.namespace().get(inode);
        inode.unwrap().as_file().unwrap().client.clone()
    }

    fn blocks_of(&self, inode: InodeId) -> Vec<Block> {
        let file = self
            .namenode
            .namespace()
            .get(inode)
            .unwrap()
            .as_file()
            .unwrap();
        let map = self.namenode.blocks().blocks();
        file.blocks
            .iter()
            .map(|id| map.get(*id).unwrap().block)
            .collect()
    }
}

fn commit(order: &RecoveringBlock, len: Option<u64>, datanodes: &[u64]) -> BlockSynchronization {
    BlockSynchronization {
        block: order.block,
        recovery_id: order.recovery_id,
        len,
        datanodes: datanodes.iter().copied().map(DatanodeId).collect(),
    }
}

#[test]
fn a_silent_writer_loses_his_file_to_whoever_wants_it_and_is_refused_from_then_on() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let block = rig.add(inode, None).unwrap().block;
    let at_limit = NOW + secs(60);
    for now in [NOW, at_limit] {
        let refused = rig.namenode.create(&request("/f", "bob", false), now);
        let holder = "ada".to_owned();
        assert_eq!(
            refused,
            Err(FsError::AlreadyBeingCreated {
                path: "/f".into(),
                holder
            })
        );
    }
    rig.namenode.renew_lease("ada", NOW + secs(30));
    let refused = rig.namenode.create(&request("/f", "bob", false), SOON);
    assert!(
        matches!(refused, Err(FsError::AlreadyBeingCreated { .. })),
        "renewed: {refused:?}"
    );

    let later = SOON + secs(31);
    for now in [later, later + secs(1)] {
        let refused = rig.namenode.create(&request("/f", "bob", false), now);
        assert!(
            matches!(refused, Err(FsError::RecoveryInProgress { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(rig.client(inode).as_deref(), Some(NAMENODE_HOLDER));
    rig.namenode.renew_lease("ada", later);
    let calls = [
        rig.add(inode, Some(block)).err(),
        rig.complete(inode, Some(block)).err(),
        rig.namenode
            .update_block_for_pipeline(inode, "ada", block)
            .err(),
    ];
    for refused in calls {
        assert!(
            matches!(refused, Some(FsError::LeaseExpired { .. })),
            "{refused:?}"
        );
    }

    let orders = rig.orders(later + secs(2));
    let [(_, order)] = &orders[..] else {
        panic!("one DataNode is told, once: {orders:?}");
    };
    assert_eq!((order.block.id, order.locations.len()), (block.id, 3));
    assert!(order.recovery_id > block.generation);
    let done = commit(order, Some(700), &[1, 2, 3]);
    rig.event(
        1,
        BlockEvent::Received(Block {
            generation: order.recovery_id,
            len: 700,
            ..block
        }),
        later,
    );
    rig.namenode
        .commit_block_synchronization(&done, later)
        .unwrap();
    rig.namenode
        .commit_block_synchronization(&done, later)
        .unwrap();
    assert_eq!(rig.client(inode), None);
    assert_eq!(
        rig.blocks_of(inode),
        [Block {
            generation: order.recovery_id,
            len: 700,
            ..block
        }]
    );
    assert!(rig.namenode.leases().is_empty());
    let there = rig.namenode.create(&request("/f", "bob", false), later);
    assert_eq!(there, Err(FsError::FileAlreadyExists("/f".into())));
    let restarted = restart(rig);
    assert_eq!(restarted.client(inode), None);
    assert_eq!(restarted.blocks_of(inode)[0].len, 700);
}

/// The NameNode loads what it has logged.
fn restart(mut rig: Rig) -> Rig {
    rig.sync();
    Rig::load(rig.disk)
}

#[test]
fn what_nobody_wants_is_closed_after_the_hard_limit() {
    let mut rig = Rig::new();
    let empty = rig.create("/empty", "ada");
    let inode = rig.create("/d/f", "ada");
    let block = rig.add(inode, None).unwrap().block;
    rig.namenode.rename("/d", "/moved", NOW).unwrap();
    let late = NOW + Config::default().lease_hard_limit;
    rig.told(1, late);
    rig.namenode.tick(late, &mut rig.rng);
    assert_eq!(
        rig.client(empty).as_deref(),
        Some("ada"),
        "at the limit it still counts"
    );
    let later = late + secs(3);
    rig.told(1, later);
    rig.namenode.tick(later, &mut rig.rng);
    assert_eq!(rig.client(empty), None, "there was nothing to recover");
    assert_eq!(rig.namenode.is_file_closed("/moved/f"), Ok(false));
    let orders = rig.orders(later);
    let (_, order) = &orders[0];

    let none = commit(order, None, &[]);
    rig.namenode
        .commit_block_synchronization(&none, later)
        .unwrap();
    assert_eq!(rig.namenode.is_file_closed("/moved/f"), Ok(true));
    assert_eq!(rig.blocks_of(inode), [], "{block} had no byte");
    rig.namenode
        .commit_block_synchronization(&none, later)
        .unwrap();
}

#[test]
fn a_later_recovery_supersedes_one_that_came_to_nothing() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let block = rig.add(inode, None).unwrap().block;
    assert_eq!(rig.namenode.recover_lease("/f", NOW), Ok(false));
    let (first, old) = rig.orders(NOW).remove(0);
    assert_eq!(
        rig.namenode.recover_lease("/f", NOW),
        Ok(false),
        "it is under way"
    );
    assert!(rig.orders(NOW).is_empty());

    let later = NOW + Config::default().block_recovery_timeout() + secs(1);
    rig.told(1, later);
    rig.namenode.tick(later, &mut rig.rng);
    let (second, new) = rig.orders(later).remove(0);
    assert_ne!(first, second, "another DataNode has its turn");
    assert!(new.recovery_id > old.recovery_id);
    let late_word = rig
        .namenode
        .commit_block_synchronization(&commit(&old, Some(900), &[1]), later);
    assert!(
        matches!(late_word, Err(FsError::StaleBlock { .. })),
        "{late_word:?}"
    );
    let word = commit(&new, Some(800), &[2]);
    rig.namenode
        .commit_block_synchronization(&word, later)
        .unwrap();
    assert_eq!(
        rig.state(block),
        BlockState::Committed,
        "DataNode 2 has not said so itself"
    );
    assert_eq!(rig.client(inode).as_deref(), Some(NAMENODE_HOLDER));
    let recovered = Block {
        generation: new.recovery_id,
        len: 800,
        ..block
    };
    rig.event(2, BlockEvent::Received(recovered), later);
    rig.namenode.tick(later + secs(3), &mut rig.rng);
    assert_eq!(rig.client(inode), None);
    assert_eq!(rig.namenode.recover_lease("/f", later), Ok(true));
}

#[test]
fn a_recovery_goes_on_after_a_restart_of_the_namenode() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let block = rig.add(inode, None).unwrap().block;
    rig.namenode.recover_lease("/f", NOW).unwrap();
    let (_, old) = rig.orders(NOW).remove(0);
    let mut rig = restart(rig);
    assert_eq!(rig.client(inode).as_deref(), Some(NAMENODE_HOLDER));
    let lost = rig
        .namenode
        .commit_block_synchronization(&commit(&old, Some(5), &[1]), NOW);
    assert!(matches!(lost, Err(FsError::StaleBlock { .. })), "{lost:?}");
    let written = ReportedReplica {
        block: long(block, 600),
        state: ReplicaState::Rbw,
    };
    let registration = rig.registrations[1];
    rig.namenode
        .block_report(DatanodeId(2), registration, &[written], NOW)
        .unwrap();
    let tick = |rig: &mut Rig, after: u64| {
        let now = NOW + secs(after);
        rig.told(9, now);
        rig.namenode.tick(now, &mut rig.rng);
        rig.orders(now)
    };
    assert_eq!(
        tick(&mut rig, 20),
        [],
        "not every DataNode may have reported"
    );
    let orders = tick(&mut rig, 31);
    assert_eq!(orders.len(), 1, "{orders:?}");
    assert_eq!(
        (orders[0].0, orders[0].1.locations.len()),
        (DatanodeId(2), 1)
    );
    assert!(orders[0].1.recovery_id > old.recovery_id);
}

#[test]
fn a_block_that_nobody_has_is_removed_once_nobody_can_come_back_with_it() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    rig.add(inode, None).unwrap();
    let mut rig = restart(rig);
    let patience = Config::default().dead_interval();
    assert_eq!(rig.namenode.recover_lease("/f", NOW + patience), Ok(false));
    let word = rig.namenode.recover_lease("/f", NOW + patience + secs(1));
    assert_eq!(word, Ok(true));
    assert_eq!(rig.blocks_of(inode), []);
}

#[test]
fn replicas_that_a_recovery_left_out_are_deleted() {
    let mut rig = Rig::new();
    let inode = rig.create("/f", "ada");
    let block = rig.add(inode, None).unwrap().block;
    rig.namenode.recover_lease("/f", NOW).unwrap();
    let (_, order) = rig.orders(NOW).remove(0);
    let recovered = Block {
        generation: order.recovery_id,
        len: 600,
        ..block
    };
    rig.event(1, BlockEvent::Received(recovered), NOW);
    let word = commit(&order, Some(600), &[1]);
    rig.namenode
        .commit_block_synchronization(&word, NOW)
        .unwrap();
    let info = rig.namenode.blocks().blocks().get(block.id).unwrap();
    assert_eq!(info.replicas[..], [DatanodeId(1)]);
    assert_eq!(
        info.corrupt().keys().copied().collect::<Vec<_>>(),
        [DatanodeId(2), DatanodeId(3)]
    );
    assert!(
        info.corrupt()
            .values()
            .all(|bad| bad.generation < order.recovery_id)
    );
    assert!(info.block.generation > GenerationStamp(1001));
}

#[test]
fn an_overwriting_create_takes_the_place_of_a_file_that_is_being_written() {
    let mut rig = Rig::new();
    let old = rig.create("/f", "ada");
    let again = rig.namenode.create(&request("/f", "ada", false), NOW);
    assert!(
        matches!(again, Err(FsError::AlreadyBeingCreated { .. })),
        "{again:?}"
    );
    let new = rig
        .namenode
        .create(&request("/f", "bob", true), NOW)
        .unwrap();
    assert_ne!(new.inode, old);
    assert!(matches!(
        rig.add(old, None),
        Err(FsError::LeaseExpired { .. })
    ));
    assert_eq!(rig.namenode.leases().holder(old), None);
    assert_eq!(rig.namenode.leases().holder(new.inode), Some("bob"));
    rig.create("/d/g", "bob");
    rig.namenode.delete("/d", true, NOW).unwrap();
    assert_eq!(rig.namenode.leases().lease("bob").unwrap().files.len(), 1);
    let reserved = rig
        .namenode
        .create(&request("/h", NAMENODE_HOLDER, false), NOW);
    assert!(
        matches!(reserved, Err(FsError::InvalidArgument(_))),
        "{reserved:?}"
    );
}
