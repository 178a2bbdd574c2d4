//! A block manager, and DataNodes that do as they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::{Rng, Time};

use crate::block::{
    Block, BlockId, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, ReplicaState,
};
use crate::error::FsError;
use crate::namenode::block_manager::BlockManager;
use crate::namenode::blocks::{BlockCounts, BlockState, BlocksMap};
use crate::namenode::config::Config;
use crate::namenode::hosts::{Host, Wish};
use crate::protocol::{
    AddBlockRequest, AdminState, BlockEvent, Command, FsStatus, Heartbeat, RegistrationId,
    ReportedReplica,
};

#[derive(Default)]
pub(super) struct Node {
    pub(super) up: bool,
    pub(super) registration: RegistrationId,
    /// Finalised replicas; false for those whose bytes are bad.
    pub(super) replicas: BTreeMap<BlockId, (Block, bool)>,
}

pub(super) struct Cluster {
    pub(super) manager: BlockManager,
    pub(super) config: Config,
    pub(super) now: Time,
    pub(super) rng: Rng,
    pub(super) racks: Vec<&'static str>,
    pub(super) nodes: BTreeMap<u64, Node>,
    /// Answers to heartbeats that get lost, in a hundred.
    pub(super) loss: u32,
}

impl Cluster {
    pub(super) fn new(racks: &[&'static str]) -> Cluster {
        let config = Config {
            heartbeat_interval: Duration::from_secs(1),
            stale_interval: Duration::from_secs(5),
            heartbeat_recheck_interval: Duration::from_secs(5),
            replication_pending_timeout: Duration::from_secs(30),
            safemode_extension: Duration::from_secs(3),
            decommission_interval: Duration::from_secs(2),
            ..Config::default()
        };
        let mut cluster = Cluster {
            manager: BlockManager::new(&config, BlocksMap::default(), Time::ZERO),
            config,
            now: Time::ZERO,
            rng: Rng::new(5),
            racks: racks.to_vec(),
            nodes: BTreeMap::new(),
            loss: 0,
        };
        for id in 0..racks.len() as u64 {
            cluster.nodes.insert(id, Node::default());
            cluster.start(id);
        }
        cluster.run(1);
        cluster
    }

    pub(super) fn start(&mut self, id: u64) {
        self.nodes.get_mut(&id).unwrap().up = true;
        self.register(id);
    }

    pub(super) fn register(&mut self, id: u64) {
        let info = DatanodeInfo {
            id: DatanodeId(id),
            hostname: format!("host{id}"),
            address: format!("host{id}:9866"),
            rack: self.racks[usize::try_from(id).unwrap()].to_owned(),
        };
        let registered = self.manager.register(info, self.now, &mut self.rng);
        let node = self.nodes.get_mut(&id).unwrap();
        if let Err(FsError::DisallowedDatanode(_)) = registered {
            // Its process ends.
            node.up = false;
            return;
        }
        node.registration = registered.unwrap();
        self.report(id);
    }

    pub(super) fn report(&mut self, id: u64) {
        let node = &self.nodes[&id];
        let replicas: Vec<ReportedReplica> = node
            .replicas
            .values()
            .map(|(block, _)| ReportedReplica {
                block: *block,
                state: ReplicaState::Finalized,
            })
            .collect();
        let report =
            self.manager
                .block_report(DatanodeId(id), node.registration, &replicas, self.now);
        report.unwrap();
    }

    pub(super) fn tell(&mut self, id: u64, event: BlockEvent) {
        let registration = self.nodes[&id].registration;
        // Said twice, as after a lost answer.
        for _ in 0..2 {
            let _ = self.manager.incremental_block_report(
                DatanodeId(id),
                registration,
                &[event],
                self.now,
            );
        }
    }

    pub(super) fn run(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now + Duration::from_secs(1);
            for id in self.nodes.keys().copied().collect::<Vec<_>>() {
                if self.nodes[&id].up {
                    self.heartbeat(id);
                }
            }
            self.manager.tick(self.now, &mut self.rng);
            self.check();
        }
    }

    pub(super) fn heartbeat(&mut self, id: u64) {
        // Its scanner finds the bad ones again and again.
        for (block, _) in self.nodes[&id].replicas.values().filter(|(_, good)| !good) {
            self.manager.report_bad_block(*block, DatanodeId(id));
        }
        let heartbeat = Heartbeat {
            id: DatanodeId(id),
            registration: self.nodes[&id].registration,
            remaining: 1 << 40,
            ..Heartbeat::default()
        };
        let commands = self.manager.heartbeat(&heartbeat, self.now);
        let safe = self.manager.safe_mode().is_some();
        if self.rng.percent(self.loss) {
            return;
        }
        for command in commands {
            assert!(
                !safe || command == Command::Register,
                "{command:?} in safe mode"
            );
            match command {
                Command::Register => self.register(id),
                Command::Recover(blocks) => panic!("the block manager knows no leases: {blocks:?}"),
                Command::ReportBlocks(_) => {}
                Command::Invalidate(blocks) => blocks.iter().for_each(|b| self.delete(id, *b)),
                Command::Transfer { block, targets } => {
                    let source = self.nodes[&id].replicas.get(&block.id).copied();
                    for target in targets {
                        let node = self.nodes.get_mut(&target.id.0).unwrap();
                        if source == Some((block, true)) && node.up {
                            node.replicas.insert(block.id, (block, true));
                            self.tell(target.id.0, BlockEvent::Received(block));
                        }
                    }
                }
            }
        }
    }

    pub(super) fn delete(&mut self, id: u64, block: Block) {
        let others = self.good(block.id).into_iter().filter(|other| *other != id);
        let good = self.nodes[&id]
            .replicas
            .get(&block.id)
            .is_some_and(|(_, good)| *good);
        let exists = self.manager.blocks.get(block.id).is_some();
        let last = exists && good && others.count() == 0;
        assert!(
            !last,
            "node {id} was told to delete the last good replica of {block}"
        );
        let node = self.nodes.get_mut(&id).unwrap();
        node.replicas.retain(|held, (replica, _)| {
            *held != block.id || replica.generation > block.generation
        });
        // Of a newer one that is here, nothing is said: it is not what was meant.
        if !node.replicas.contains_key(&block.id) {
            self.tell(id, BlockEvent::Deleted(block));
        }
    }

    /// The nodes that are up and have a good replica of the block's current version.
    pub(super) fn good(&self, id: BlockId) -> BTreeSet<u64> {
        let current = self.manager.blocks.get(id).map(|info| info.block);
        let holds = |node: &Node| {
            let replica = node.replicas.get(&id);
            node.up && replica.is_some_and(|(block, good)| *good && Some(*block) == current)
        };
        self.nodes
            .iter()
            .filter(|(_, node)| holds(node))
            .map(|(id, _)| *id)
            .collect()
    }

    /// A new block, with its pipeline.
    pub(super) fn begin(&mut self, replication: u16) -> (Block, Vec<DatanodeId>) {
        let request = AddBlockRequest {
            inode: InodeId(16386),
            client: "client".to_owned(),
            previous: None,
            exclude: Vec::new(),
            client_host: None,
        };
        let size = self.config.block_size;
        let pipeline =
            self.manager
                .choose_pipeline(&request, replication, size, self.now, &mut self.rng);
        let pipeline = pipeline.unwrap();
        let blocks = self.manager.blocks_mut();
        let block = Block {
            id: BlockId(blocks.last_id().0 + 1),
            generation: GenerationStamp(blocks.last_generation().0 + 1),
            len: 0,
        };
        blocks.insert(
            block,
            request.inode,
            replication,
            BlockState::UnderConstruction,
        );
        self.manager.set_pipeline(block.id, &pipeline);
        (block, pipeline)
    }

    pub(super) fn receive(&mut self, id: DatanodeId, block: Block) {
        let node = self.nodes.get_mut(&id.0).unwrap();
        node.replicas.insert(block.id, (block, true));
        self.tell(id.0, BlockEvent::Received(block));
    }

    pub(super) fn commit(&mut self, block: Block) {
        self.manager
            .blocks_mut()
            .update(block, BlockState::Committed);
        self.manager.committed(block.id, self.now);
    }

    pub(super) fn write(&mut self, replication: u16) -> BlockId {
        let (block, pipeline) = self.begin(replication);
        let block = Block { len: 7, ..block };
        for datanode in pipeline {
            self.receive(datanode, block);
        }
        self.commit(block);
        block.id
    }

    pub(super) fn corrupt(&mut self, id: u64, block: BlockId) {
        if let Some((replica, good)) = self.nodes.get_mut(&id).unwrap().replicas.get_mut(&block) {
            *good = false;
            let replica = *replica;
            self.manager.report_bad_block(replica, DatanodeId(id));
        }
    }

    /// A new life of the NameNode, that knows of the blocks what is durable.
    pub(super) fn restart_namenode(&mut self) {
        let mut blocks = BlocksMap::default();
        for info in self.manager.blocks.iter() {
            blocks.insert(info.block, info.inode, info.replication, info.state);
        }
        let hosts = self.manager.hosts().clone();
        self.manager = BlockManager::new(&self.config, blocks, self.now);
        self.manager.refresh_nodes(hosts, self.now);
    }

    /// The operator admits these nodes alone from now on; none of them: everybody.
    pub(super) fn admit(&mut self, ids: &[u64]) {
        let host = |id: &u64| Host {
            name: format!("host{id}"),
            port: 0,
        };
        let mut hosts = self.manager.hosts().clone();
        hosts.included = ids.iter().map(host).collect();
        self.manager.refresh_nodes(hosts, self.now);
    }

    /// The operator writes this about a node into the file of hosts, and has it read.
    pub(super) fn wish(&mut self, id: u64, wish: Option<Wish>) {
        let mut hosts = self.manager.hosts().clone();
        let name = format!("host{id}");
        hosts.set(&Host { name, port: 0 }, wish);
        self.manager.refresh_nodes(hosts, self.now);
    }

    pub(super) fn admin(&self, id: u64) -> AdminState {
        let node = self.manager.datanodes.get(DatanodeId(id));
        node.map(|node| node.admin).unwrap_or_default()
    }

    pub(super) fn status(&self) -> FsStatus {
        let mut status = FsStatus::default();
        self.manager.fill_status(&mut status, self.now);
        status
    }

    /// What must hold at any time.
    pub(super) fn check(&self) {
        let manager = &self.manager;
        let mut counts = BlockCounts::default();
        for info in manager.blocks.iter() {
            counts.add(BlockCounts::of(info));
            for datanode in info.replicas.iter().chain(info.corrupt().keys()) {
                let kept = self.admin(datanode.0) == AdminState::InMaintenance;
                assert!(
                    kept || manager.datanodes.alive(*datanode).is_some(),
                    "{datanode} is dead"
                );
            }
            let away = info.away().all(|id| info.replicas.contains(&id));
            assert!(away && info.live().count() == info.live_count(), "{info:?}");
            for target in manager.pending.targets(info.block.id) {
                let unconfirmed = manager.invalidates.contains(target, info.block.id);
                assert!(
                    !unconfirmed,
                    "{target} is to get and to delete {}",
                    info.block
                );
            }
        }
        assert_eq!(counts, manager.blocks.counts());
    }

    pub(super) fn assert_settled(&self) {
        let status = self.status();
        for info in self.manager.blocks.iter() {
            let good = self.good(info.block.id);
            assert_eq!(good.len(), info.expected(), "{info:?}");
        }
        let idle = FsStatus {
            blocks: status.blocks,
            remaining: status.remaining,
            live_datanodes: status.live_datanodes,
            ..FsStatus::default()
        };
        assert_eq!(status, idle);
        assert!(self.manager.needed.is_empty() && self.manager.over_replicated.is_empty());
    }
}
