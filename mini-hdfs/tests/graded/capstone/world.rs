//! A cluster in virtual time, and a manager that runs it: DataNodes die and come back, lose disks, fill up; copies fail, orders
//! and news are late. Everything follows from one seed.

mod faults;
mod outcome;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use mini_hdfs::block::{Block, BlockId, DatanodeId};
use mini_hdfs::namenode::capstone::manager::replication_manager;
use mini_hdfs::namenode::capstone::{Command, Event, ROUND, ReplicationManager};
use node::{Rng, Time};

use super::judge::{Judge, Violation};
use super::story::Line;

const CAPACITY: u64 = 1_000_000;
/// A DataNode that is silent for this long is declared dead.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// How often DataNodes report all blocks.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// How rough the world is.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Roughness {
    /// The most that news and orders are late by, in milliseconds.
    pub(crate) late_ms: u64,
    /// Orders in a hundred that come to nothing.
    pub(crate) fail_percent: u32,
}

/// A DataNode as it really is.
#[derive(Debug)]
struct DataNode {
    rack: String,
    alive: bool,
    /// Its life: raised at each restart. What belongs to an earlier one is void.
    life: u32,
    disk: BTreeMap<BlockId, OnDisk>,
    /// Bytes that something else takes.
    ballast: u64,
    /// What it says next arrives not before this.
    said: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct OnDisk {
    version: Block,
    /// The bytes do not match their checksums.
    rotten: bool,
    /// Somebody has found that.
    found: bool,
}

/// What happens at a time.
#[derive(Clone, Debug)]
enum Happening {
    /// News from a DataNode of that life arrive.
    News(DatanodeId, u32, Event),
    /// An order arrives at the DataNode of that life that is to carry it out.
    Order(Command, u32),
    /// A copy has reached its target. The lives are the source's and the target's.
    Copied(Command, u32, u32),
    Dead(DatanodeId, u32),
    Report(DatanodeId, u32),
}

/// The cluster, its manager, and the judge of it.
pub(crate) struct World {
    manager: Box<dyn ReplicationManager>,
    pub(crate) judge: Judge,
    pub(crate) rng: Rng,
    pub(crate) roughness: Roughness,
    now: Time,
    nodes: BTreeMap<DatanodeId, DataNode>,
    files: BTreeMap<BlockId, (Block, usize)>,
    agenda: BTreeMap<(Time, u64), Happening>,
    happenings: u64,
    generation: u64,
    story: VecDeque<(Time, Line)>,
    violations: Vec<(Violation, String)>,
}

impl World {
    /// A cluster of `nodes` DataNodes in `racks` racks, all registered and empty.
    pub(crate) fn new(seed: u64, nodes: u64, racks: u64) -> World {
        let mut world = World {
            manager: replication_manager(),
            judge: Judge::default(),
            rng: Rng::new(seed),
            roughness: Roughness::default(),
            now: Time::from_millis(1_000_000),
            nodes: BTreeMap::new(),
            files: BTreeMap::new(),
            agenda: BTreeMap::new(),
            happenings: 0,
            generation: 1000,
            story: VecDeque::new(),
            violations: Vec::new(),
        };
        for id in 1..=nodes {
            let node = DataNode {
                rack: format!("/rack{}", id % racks + 1),
                alive: false,
                life: 0,
                disk: BTreeMap::new(),
                ballast: 0,
                said: Time::ZERO,
            };
            world.nodes.insert(DatanodeId(id), node);
            world.start(DatanodeId(id));
        }
        world.run(2);
        world
    }

    /// Lets this many rounds pass.
    pub(crate) fn run(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.round();
        }
    }

    fn round(&mut self) {
        let beats: Vec<DatanodeId> = self.alive();
        for datanode in beats {
            let remaining = self.room(datanode);
            self.say(
                datanode,
                Event::Heartbeat {
                    datanode,
                    remaining,
                },
            );
        }
        let end = self.now + ROUND;
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, _), happening) = entry.remove_entry();
            self.now = at;
            self.happen(happening);
        }
        self.now = end;
        self.judge.note_time(end);
        for order in self.manager.tick(end) {
            self.tell_story(Line::Ordered(order));
            for violation in self.judge.judge(&order, end) {
                self.violate(violation);
            }
            self.carry(order);
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::News(datanode, life, event) => {
                if self.lives(datanode, life) {
                    self.tell(event);
                }
            }
            Happening::Order(order, life) => self.obey(order, life),
            Happening::Copied(order, from_life, to_life) => {
                self.arrive(order, from_life, to_life);
            }
            Happening::Dead(datanode, life) => {
                let node = &self.nodes[&datanode];
                if !node.alive && node.life == life {
                    self.tell(Event::NodeDead { datanode });
                }
            }
            Happening::Report(datanode, life) => {
                if self.lives(datanode, life) {
                    self.report(datanode);
                    self.schedule(self.now + REPORT_EVERY, Happening::Report(datanode, life));
                }
            }
        }
    }

    fn schedule(&mut self, at: Time, happening: Happening) {
        self.happenings += 1;
        self.agenda.insert((at, self.happenings), happening);
    }

    fn lives(&self, datanode: DatanodeId, life: u32) -> bool {
        let node = self.nodes.get(&datanode);
        node.is_some_and(|node| node.alive && node.life == life)
    }

    /// Tells the manager.
    fn tell(&mut self, event: Event) {
        self.judge.hear(&event);
        self.manager.handle(&event, self.now);
        self.tell_story(Line::Told(event));
    }

    fn lateness(&mut self) -> Duration {
        Duration::from_millis(self.rng.below(self.roughness.late_ms + 1))
    }

    /// A DataNode says something; it arrives late, and in order.
    fn say(&mut self, datanode: DatanodeId, event: Event) {
        let at = self.now + self.lateness();
        let Some(node) = self.nodes.get_mut(&datanode) else {
            return;
        };
        node.said = node.said.max(at);
        let (at, life) = (node.said, node.life);
        self.schedule(at, Happening::News(datanode, life, event));
    }

    fn report(&mut self, datanode: DatanodeId) {
        let disk = self.nodes[&datanode].disk.values();
        let replicas = disk.map(|replica| replica.version).collect();
        self.say(datanode, Event::BlockReport { datanode, replicas });
    }
}

/// Orders.
impl World {
    fn carry(&mut self, order: Command) {
        let (Command::Copy { from: to, .. } | Command::Delete { datanode: to, .. }) = order;
        let Some(node) = self.nodes.get(&to).filter(|node| node.alive) else {
            return;
        };
        let life = node.life;
        if self.rng.percent(self.roughness.fail_percent) {
            return;
        }
        let at = self.now + self.lateness();
        self.schedule(at, Happening::Order(order, life));
    }

    fn obey(&mut self, order: Command, life: u32) {
        match order {
            Command::Delete { block, datanode } if self.lives(datanode, life) => {
                let disk = &mut self.nodes.get_mut(&datanode).unwrap().disk;
                let held = disk.get(&block.id);
                if held.is_some_and(|held| held.version.generation > block.generation) {
                    return;
                }
                disk.remove(&block.id);
                let block = block.id;
                self.say(datanode, Event::BlockDeleted { datanode, block });
            }
            Command::Copy { block, from, to } if self.lives(from, life) => {
                let held = self.nodes[&from].disk.get(&block.id).copied();
                let Some(held) = held.filter(|held| held.version == block) else {
                    return;
                };
                if held.rotten {
                    self.find_rotten(from, block.id);
                    return;
                }
                let took = Duration::from_millis(2_000 + self.rng.below(20_000));
                let to_life = self.nodes.get(&to).map_or(0, |node| node.life);
                if !self.rng.percent(self.roughness.fail_percent) {
                    self.schedule(self.now + took, Happening::Copied(order, life, to_life));
                }
            }
            _ => {}
        }
    }

    fn arrive(&mut self, order: Command, from_life: u32, to_life: u32) {
        let Command::Copy { block, from, to } = order else {
            return;
        };
        let source = self.nodes[&from].disk.get(&block.id);
        let unchanged = source.is_some_and(|held| held.version == block);
        let room = self.room(to) >= block.len;
        let free = !self.nodes[&to].disk.contains_key(&block.id);
        let both_live = self.lives(from, from_life) && self.lives(to, to_life);
        if unchanged && room && free && both_live {
            self.write(to, block);
            let datanode = to;
            self.say(datanode, Event::BlockReceived { datanode, block });
        }
    }

    fn write(&mut self, datanode: DatanodeId, version: Block) {
        let replica = OnDisk {
            version,
            rotten: false,
            found: false,
        };
        let node = self.nodes.get_mut(&datanode).unwrap();
        node.disk.insert(version.id, replica);
    }

    fn room(&self, datanode: DatanodeId) -> u64 {
        self.nodes.get(&datanode).map_or(0, |node| {
            let used: u64 = node.disk.values().map(|held| held.version.len).sum();
            CAPACITY.saturating_sub(used + node.ballast)
        })
    }
}
