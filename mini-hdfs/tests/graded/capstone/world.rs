//! A cluster in virtual time, and a manager that runs it: DataNodes die and come back, lose disks, fill up; copies fail, orders
//! and news are late. Everything follows from one seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use mini_hdfs::block::{Block, BlockId, DatanodeId};
use mini_hdfs::namenode::capstone::manager::replication_manager;
use mini_hdfs::namenode::capstone::{Command, Event, ROUND, ReplicationManager};
use node::{Rng, Time};

use super::judge::{Judge, Rule, Violation, name};

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

/// A line of the story that a failure tells.
#[derive(Clone, Debug)]
enum Line {
    Told(Event),
    Ordered(Command),
    Fault(Option<BlockId>, Option<DatanodeId>, &'static str),
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

/// What happens to a cluster.
impl World {
    /// The DataNodes that are alive.
    pub(crate) fn alive(&self) -> Vec<DatanodeId> {
        let alive = self.nodes.iter().filter(|(_, node)| node.alive);
        alive.map(|(id, _)| *id).collect()
    }

    pub(crate) fn dead(&self) -> Vec<DatanodeId> {
        let dead = self.nodes.iter().filter(|(_, node)| !node.alive);
        dead.map(|(id, _)| *id).collect()
    }

    pub(crate) fn blocks(&self) -> Vec<BlockId> {
        self.files.keys().copied().collect()
    }

    /// The DataNodes with a good replica, in truth.
    pub(crate) fn holders(&self, block: BlockId) -> Vec<DatanodeId> {
        let Some((version, _)) = self.files.get(&block) else {
            return Vec::new();
        };
        let good = |node: &DataNode| {
            let held = node.disk.get(&block);
            node.alive && held.is_some_and(|held| held.version == *version && !held.rotten)
        };
        let holders = self.nodes.iter().filter(|(_, node)| good(node));
        holders.map(|(id, _)| *id).collect()
    }

    /// A new block of `replication` replicas, written to `pipeline`.
    pub(crate) fn create(&mut self, pipeline: &[DatanodeId], replication: usize) -> BlockId {
        let id = BlockId(self.files.len() as u64 + self.generation * 1000);
        let len = 10 + self.rng.below(90);
        self.close(id, len, replication, pipeline);
        id
    }

    /// A block is written in a new version by those DataNodes.
    fn close(&mut self, id: BlockId, len: u64, replication: usize, pipeline: &[DatanodeId]) {
        self.generation += 1;
        let block = Block::new(id.0, self.generation, len);
        self.files.insert(id, (block, replication));
        for datanode in pipeline {
            self.flush(*datanode);
        }
        self.tell(Event::BlockClosed { block, replication });
        for datanode in pipeline {
            self.write(*datanode, block);
            let datanode = *datanode;
            self.tell(Event::BlockReceived { datanode, block });
        }
    }

    /// What a DataNode has said arrives now.
    fn flush(&mut self, datanode: DatanodeId) {
        let theirs = |(key, happening): (&(Time, u64), &Happening)| match happening {
            Happening::News(from, ..) if *from == datanode => Some(*key),
            _ => None,
        };
        let keys: Vec<(Time, u64)> = self.agenda.iter().filter_map(theirs).collect();
        for key in keys {
            if let Some(news) = self.agenda.remove(&key) {
                self.happen(news);
            }
        }
        self.nodes.get_mut(&datanode).unwrap().said = self.now;
    }

    /// A client appends to a block, on all DataNodes that are alive and have it; not while an order about it is under way.
    pub(crate) fn append(&mut self, block: BlockId) {
        let pipeline = self.holders(block);
        if pipeline.is_empty() || self.judge.is_ordered(block) {
            return;
        }
        self.fault(Some(block), None, "a client appends to the block");
        if let Some((version, replication)) = self.files.get(&block).copied() {
            self.close(block, version.len + 5, replication, &pipeline);
        }
    }

    pub(crate) fn remove(&mut self, block: BlockId) {
        self.files.remove(&block);
        self.tell(Event::BlockRemoved { block });
    }

    pub(crate) fn set_replication(&mut self, block: BlockId, replication: usize) {
        if let Some((_, wanted)) = self.files.get_mut(&block) {
            *wanted = replication;
            self.tell(Event::ReplicationChanged { block, replication });
        }
    }

    pub(crate) fn kill(&mut self, datanode: DatanodeId) {
        self.fault(None, Some(datanode), "the DataNode is killed");
        let node = self.nodes.get_mut(&datanode).unwrap();
        node.alive = false;
        let life = node.life;
        self.schedule(self.now + DEAD_AFTER, Happening::Dead(datanode, life));
    }

    /// A DataNode comes up with what is on its disk. Replicas known to be corrupt it moves aside.
    pub(crate) fn start(&mut self, datanode: DatanodeId) {
        let node = self.nodes.get_mut(&datanode).unwrap();
        node.alive = true;
        node.life += 1;
        node.disk.retain(|_, held| !held.found);
        let (life, rack) = (node.life, node.rack.clone());
        self.say(datanode, Event::Registered { datanode, rack });
        self.report(datanode);
        let first = Duration::from_millis(self.rng.below(60_000));
        self.schedule(self.now + first, Happening::Report(datanode, life));
    }

    /// A disk of a DataNode is lost, with about half of the replicas.
    pub(crate) fn lose_disk(&mut self, datanode: DatanodeId) {
        self.fault(None, Some(datanode), "the DataNode loses a disk");
        let ids: Vec<BlockId> = self.nodes[&datanode].disk.keys().copied().collect();
        for id in ids {
            // Never the last one: then there would be nothing to judge.
            if self.holders(id).len() > 1 && self.rng.percent(50) {
                self.nodes.get_mut(&datanode).unwrap().disk.remove(&id);
            }
        }
    }

    /// A bit of a replica flips; nobody has noticed yet. Not of the last good one.
    pub(crate) fn rot(&mut self, datanode: DatanodeId, block: BlockId) {
        if self.holders(block).len() > 1 {
            self.fault(Some(block), Some(datanode), "the replica rots, unnoticed");
            let disk = &mut self.nodes.get_mut(&datanode).unwrap().disk;
            if let Some(held) = disk.get_mut(&block) {
                held.rotten = true;
            }
        }
    }

    /// A replica loses its end.
    pub(crate) fn cut(&mut self, datanode: DatanodeId, block: BlockId) {
        if self.holders(block).len() > 1 {
            self.fault(Some(block), Some(datanode), "the replica is cut");
            let disk = &mut self.nodes.get_mut(&datanode).unwrap().disk;
            if let Some(held) = disk.get_mut(&block) {
                held.version.len /= 2;
            }
        }
    }

    /// Something else takes all of a DataNode's room, or gives it back.
    pub(crate) fn fill(&mut self, datanode: DatanodeId, full: bool) {
        let node = self.nodes.get_mut(&datanode).unwrap();
        node.ballast = if full { CAPACITY } else { 0 };
    }

    fn find_rotten(&mut self, datanode: DatanodeId, block: BlockId) {
        let disk = &mut self.nodes.get_mut(&datanode).unwrap().disk;
        if let Some(held) = disk.get_mut(&block) {
            held.found = true;
            self.say(datanode, Event::ReplicaCorrupt { datanode, block });
        }
    }

    /// Nothing fails any more: disks have room, and every DataNode that is alive looks for rotten replicas.
    pub(crate) fn heal(&mut self) {
        self.fault(None, None, "from here on nothing fails any more");
        self.roughness.fail_percent = 0;
        let mut rotten = Vec::new();
        for (datanode, node) in &mut self.nodes {
            node.ballast = 0;
            let bad = node.disk.values().filter(|h| node.alive && h.rotten);
            rotten.extend(bad.map(|held| (*datanode, held.version.id)));
        }
        for (datanode, block) in rotten {
            self.find_rotten(datanode, block);
        }
    }
}

/// What came of it.
impl World {
    /// What is not as it should be in the end, by rule 9.
    pub(crate) fn find_unmended(&mut self) {
        let alive = self.alive();
        let mut unmended = Vec::new();
        let rack = |id: &DatanodeId| self.nodes[id].rack.as_str();
        let racks: BTreeSet<&str> = alive.iter().map(rack).collect();
        for (id, (version, wanted)) in &self.files {
            let holders = self.holders(*id);
            let wanted = (*wanted).min(alive.len());
            let spread: BTreeSet<&str> = holders.iter().map(rack).collect();
            let on = names(&holders);
            if holders.is_empty() {
                continue;
            } else if holders.len() != wanted {
                let count = holders.len();
                let why = format!(
                    "{id} should have {wanted} good replicas in the end, and has {count} ({on})"
                );
                unmended.push((*id, why));
            } else if spread.len() < racks.len().min(wanted).min(2) {
                let why = format!("{id} stands in one rack ({on}), though there are two");
                unmended.push((*id, why));
            }
            let held = |at: &&DatanodeId| self.nodes[at].disk.contains_key(id);
            let bad = alive.iter().filter(held).find(|at| !holders.contains(at));
            if let Some(bad) = bad {
                let held = self.nodes[bad].disk[id];
                let bad = name(*bad);
                let why =
                    format!("{bad} still has a bad replica: {held:?}, and {version:?} counts");
                unmended.push((*id, why));
            }
        }
        for datanode in &alive {
            for id in self.nodes[datanode].disk.keys() {
                if !self.files.contains_key(id) {
                    let at = name(*datanode);
                    let why = format!("{at} still has a replica of {id}, which does not exist");
                    unmended.push((*id, why));
                }
            }
        }
        for (block, why) in unmended {
            self.violate(Violation {
                rule: Rule::Converges,
                block: Some(block),
                why,
            });
        }
    }

    pub(crate) fn violate(&mut self, violation: Violation) {
        if self
            .violations
            .iter()
            .all(|(v, _)| v.rule != violation.rule)
        {
            let story = self.story_of(violation.block);
            self.violations.push((violation, story));
        }
    }

    /// The first breach of one of these rules, with the story that led there.
    pub(crate) fn breach(&self, rules: &[Rule]) -> Option<String> {
        let breach = self
            .violations
            .iter()
            .find(|(v, _)| rules.contains(&v.rule));
        breach.map(|(violation, story)| format!("{}\n{story}", violation.why))
    }

    fn fault(&mut self, block: Option<BlockId>, datanode: Option<DatanodeId>, what: &'static str) {
        self.tell_story(Line::Fault(block, datanode, what));
    }

    fn tell_story(&mut self, line: Line) {
        if matches!(line, Line::Told(Event::Heartbeat { .. })) {
            return;
        }
        if self.story.len() == 20_000 {
            self.story.pop_front();
        }
        self.story.push_back((self.now, line));
    }

    /// The last lines that have to do with a block.
    fn story_of(&self, block: Option<BlockId>) -> String {
        let lines = self.story.iter().rev();
        let lines = lines.filter_map(|(at, line)| Some((at, line.about(block)?)));
        let mut lines: Vec<String> = lines
            .take(16)
            .map(|(at, line)| format!("  {at}  {line}"))
            .collect();
        lines.push(match block {
            Some(block) => format!("What had to do with {block} before that:"),
            None => "What happened before that:".to_owned(),
        });
        lines.reverse();
        lines.join("\n")
    }
}

fn names(datanodes: &[DatanodeId]) -> String {
    let names: Vec<String> = datanodes.iter().map(|id| name(*id)).collect();
    names.join(", ")
}

impl Line {
    /// The line, if it has to do with this block.
    fn about(&self, block: Option<BlockId>) -> Option<String> {
        let ours = |id: BlockId| block.is_none_or(|block| block == id);
        match self {
            Line::Ordered(order) => {
                let (Command::Copy { block, .. } | Command::Delete { block, .. }) = order;
                ours(block.id).then(|| match order {
                    Command::Copy { block, from, to } => {
                        let (from, to) = (name(*from), name(*to));
                        format!("ORDER copy {block:?} from {from} to {to}")
                    }
                    Command::Delete { block, datanode } => {
                        format!("ORDER delete {block:?} on {}", name(*datanode))
                    }
                })
            }
            Line::Fault(id, at, what) => {
                let at = at.map_or_else(String::new, |at| format!("{}: ", name(at)));
                id.is_none_or(ours).then(|| format!("{at}{what}"))
            }
            Line::Told(event) => {
                match event {
                    Event::BlockReport { datanode, replicas } => {
                        let listed = replicas.iter().find(|r| block == Some(r.id));
                        let (at, count) = (name(*datanode), replicas.len());
                        Some(match listed {
                            Some(listed) => {
                                format!("{at} reports {count} replicas, {listed:?} among them")
                            }
                            None => format!("{at} reports {count} replicas, none of this block"),
                        })
                    }
                    Event::Registered { datanode, rack } => {
                        Some(format!("{} registers, in {rack}", name(*datanode)))
                    }
                    Event::NodeDead { datanode } => {
                        Some(format!("{} is declared dead", name(*datanode)))
                    }
                    Event::BlockClosed { block, replication } => ours(block.id)
                        .then(|| format!("{block:?} is closed, to have {replication} replicas")),
                    Event::ReplicationChanged { block, replication } => ours(*block)
                        .then(|| format!("{block} should have {replication} replicas now")),
                    Event::BlockRemoved { block } => {
                        ours(*block).then(|| format!("{block} is removed"))
                    }
                    Event::BlockReceived { datanode, block } => ours(block.id)
                        .then(|| format!("{} has received {block:?}", name(*datanode))),
                    Event::BlockDeleted { datanode, block } => {
                        ours(*block).then(|| format!("{} has deleted {block}", name(*datanode)))
                    }
                    Event::ReplicaCorrupt { datanode, block } => ours(*block)
                        .then(|| format!("{}'s replica of {block} is corrupt", name(*datanode))),
                    Event::Heartbeat { .. } => None,
                }
            }
        }
    }
}
