//! A whole cluster in one seed: its size, its workload, its faults.

use std::rc::Rc;
use std::time::Duration;

use mini_hdfs::namenode::{Config, NameNode};
use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{Fault, Fuse, Mix, Observer, Scenario, Schedule, Setup, Timed, Trouble, World};

use crate::balancer::BalancerProcess;
use crate::client::ClientProcess;
use crate::data_node::DataNodeProcess;
use crate::history::Shared;
use crate::invariants::{self, Progress};
use crate::name_node::NameNodeProcess;
use crate::onlooker::Onlooker;
use crate::operator::draw_orders;
use crate::wire::{Message, NAMENODE, Timer};

/// Small blocks: a file of a few kilobytes has several.
pub(crate) const BLOCK_SIZE: u64 = 2048;
/// When faults end.
pub(crate) const CALM_AT: Time = Time::from_millis(30_000);
/// How long everything may take to recover: dead nodes must be noticed, blocks copied one after the other.
const PATIENCE: Duration = Duration::from_secs(180);
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// A process of any role.
pub(crate) enum Member {
    NameNode(Box<NameNodeProcess>),
    DataNode(Box<DataNodeProcess>),
    Client(Box<ClientProcess>),
    Balancer(Box<BalancerProcess>),
}

impl Member {
    /// The DataNode, if this is one.
    pub(crate) fn datanode(&self) -> Option<&DataNodeProcess> {
        match self {
            Member::DataNode(process) => Some(process),
            Member::NameNode(_) | Member::Client(_) | Member::Balancer(_) => None,
        }
    }

    /// The NameNode's core, if this is the NameNode and it is loaded.
    pub(crate) fn namenode(&self) -> Option<&NameNode> {
        match self {
            Member::NameNode(process) => process.core(),
            Member::DataNode(_) | Member::Client(_) | Member::Balancer(_) => None,
        }
    }
}

impl Node for Member {
    type Message = Message;
    type Timer = Timer;

    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Self>) {
        match self {
            Member::NameNode(process) => process.step(event, ctx),
            Member::DataNode(process) => process.step(event, ctx),
            Member::Client(process) => process.step(event, ctx),
            Member::Balancer(process) => process.step(event, ctx),
        }
    }
}

pub(crate) fn config() -> Config {
    Config {
        block_size: BLOCK_SIZE,
        block_size_min: 512,
        heartbeat_interval: Duration::from_secs(1),
        stale_interval: Duration::from_secs(4),
        heartbeat_recheck_interval: Duration::from_secs(1),
        replication_interval: Duration::from_millis(500),
        replication_pending_timeout: Duration::from_secs(6),
        safemode_extension: Duration::from_secs(1),
        decommission_interval: Duration::from_secs(1),
        checkpoint_txns: 20,
        checkpoint_check_period: Duration::from_secs(1),
        lease_soft_limit: Duration::from_secs(6),
        lease_hard_limit: Duration::from_secs(15),
        lease_recheck_interval: Duration::from_millis(500),
        ..Config::default()
    }
}

/// The simulated cluster.
pub(crate) enum Cluster {
    /// With faults of all kinds.
    AllFaults,
    /// With the crash of one DataNode, and nothing else: then every write must succeed.
    OneCrash,
}

impl Scenario for Cluster {
    type Node = Member;

    fn name(&self) -> &str {
        match self {
            Cluster::AllFaults => "mini-hdfs",
            Cluster::OneCrash => "mini-hdfs-one-crash",
        }
    }

    fn replay_command(&self) -> &str {
        match self {
            Cluster::AllFaults => "cargo test -p mini-hdfs --test sim -- replay",
            Cluster::OneCrash => "cargo test -p mini-hdfs --test sim -- replay_one_crash",
        }
    }

    fn label(message: &Message) -> &'static str {
        message.label()
    }

    fn observer(&self) -> Option<Box<dyn Observer<Member>>> {
        Some(Box::new(Onlooker::default()))
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Member> {
        let (datanodes, clients) = (3 + rng.below(3), 1 + rng.below(3));
        let operations = 10 + rng.below(30);
        let history = Shared::default();
        let shared = history.clone();
        let (first_client, balancer) = (1 + datanodes, 1 + datanodes + clients);
        // A single replica does not outlive the crash of its DataNode in the middle of the write.
        let replication_min = match self {
            Cluster::AllFaults => 1,
            Cluster::OneCrash => 2,
        };
        let meddles = matches!(self, Cluster::AllFaults);
        let lost = self.draw_lost_machine(rng, datanodes);
        let mut world = World::new(rng.fork(), move |id: NodeId, _: &mut Rng| {
            let history = shared.clone();
            if id == NAMENODE {
                Member::NameNode(Box::new(NameNodeProcess::new(config(), history)))
            } else if u64::from(id.0) < first_client {
                let dies_at = lost.filter(|(lost, _)| *lost == id).map(|(_, at)| at);
                let rack = rack_of(id);
                Member::DataNode(Box::new(DataNodeProcess::new(rack, dies_at, history)))
            } else if u64::from(id.0) == balancer {
                Member::Balancer(Box::default())
            } else {
                let client =
                    ClientProcess::new(history, operations, replication_min, meddles, CALM_AT);
                Member::Client(Box::new(client))
            }
        });
        world.add_node("namenode");
        let datanodes: Vec<NodeId> = (1..=datanodes)
            .map(|i| world.add_node(&format!("datanode{i}")))
            .collect();
        let clients: Vec<NodeId> = (1..=clients)
            .map(|i| world.add_node(&format!("client{i}")))
            .collect();
        let stays_out = self.draw_decommissioned(rng, &datanodes, lost.is_some());
        if matches!(self, Cluster::AllFaults) {
            let orders = draw_orders(rng, &datanodes, stays_out);
            history.borrow_mut().orders_of_operator = orders;
        }
        let mut killed = clients.clone();
        if matches!(self, Cluster::AllFaults) && rng.percent(60) {
            killed.push(world.add_node("balancer"));
        }
        let truth = Rc::default();
        let mut schedule = match self {
            Cluster::AllFaults => {
                let mut schedule = draw_faults(rng, &datanodes, &killed);
                schedule.extend(draw_lost_rack(rng, &datanodes));
                schedule
            }
            Cluster::OneCrash => mix(datanodes.clone(), &[Trouble::Crash], 1).draw(rng),
        };
        schedule.extend(lost.map(|(node, at)| Timed::new(at, Fault::LoseDisk { node })));
        schedule.sort_by_key(|timed| timed.at_us);
        Setup {
            schedule,
            world,
            invariants: invariants::all(&history, &truth),
            progress: Box::new(Progress {
                history,
                truth,
                clients,
                datanodes: datanodes.len() - usize::from(lost.is_some()),
                stays_out,
                every_write_succeeds: matches!(self, Cluster::OneCrash),
            }),
            calm_at: CALM_AT,
            patience: PATIENCE,
            check_every: CHECK_EVERY,
        }
    }
}

impl Cluster {
    /// A DataNode that is decommissioned in the end, where others can take what it holds.
    fn draw_decommissioned(
        &self,
        rng: &mut Rng,
        datanodes: &[NodeId],
        one_is_lost: bool,
    ) -> Option<NodeId> {
        let stays_out = rng.percent(30) && datanodes.len() > 3 && !one_is_lost;
        (stays_out && matches!(self, Cluster::AllFaults)).then(|| datanodes[0])
    }

    /// A machine that dies and does not come back: what it held must be copied from elsewhere.
    fn draw_lost_machine(&self, rng: &mut Rng, datanodes: u64) -> Option<(NodeId, Time)> {
        let at = Time::from_millis(5_000 + rng.below(20_000));
        let last = NodeId(u32::try_from(datanodes).unwrap_or(u32::MAX));
        let dies = rng.percent(40) && datanodes > 3 && matches!(self, Cluster::AllFaults);
        dies.then_some((last, at))
    }
}

fn mix(nodes: Vec<NodeId>, kinds: &[Trouble], count: u64) -> Mix {
    Mix {
        nodes,
        kinds: kinds.to_vec(),
        count,
        from: Time::from_millis(500),
        until: CALM_AT,
        longest: Duration::from_secs(10),
        flip_within: "/blk_".into(),
    }
}

/// Where a DataNode stands.
pub(crate) fn rack_of(node: NodeId) -> String {
    format!("/rack{}", node.0 % 2)
}

/// A switch fails, or somebody pulls the wrong plug: all DataNodes of a rack are gone, and come back one after the other.
fn draw_lost_rack(rng: &mut Rng, datanodes: &[NodeId]) -> Schedule {
    if !rng.percent(25) {
        return Schedule::new();
    }
    let rack = format!("/rack{}", rng.below(2));
    let at = 2_000 + rng.below(15_000);
    let back = at + 2_000 + rng.below(10_000);
    let mut schedule = Schedule::new();
    for node in datanodes.iter().filter(|node| rack_of(**node) == rack) {
        let fuse = Fuse::Now;
        let crash = Fault::Crash { node: *node, fuse };
        schedule.push(Timed::new(Time::from_millis(at), crash));
        let back = Time::from_millis(back + rng.below(2_000));
        schedule.push(Timed::new(back, Fault::Restart { node: *node }));
    }
    schedule
}

/// DataNodes that crash shortly after each other and are back soon: while a pipeline is being rebuilt, the next of its nodes
/// fails, or the source or the target of a copy.
fn draw_burst(rng: &mut Rng, datanodes: &[NodeId]) -> Schedule {
    let begins = Time::from_millis(1_000 + rng.below(25_000));
    let burst = Mix {
        from: begins,
        until: begins + Duration::from_secs(3),
        longest: Duration::from_millis(1_500),
        ..mix(
            datanodes.to_vec(),
            &[Trouble::Crash, Trouble::Crash, Trouble::Pause],
            2 + rng.below(4),
        )
    };
    burst.draw(rng)
}

/// Crashes and network faults for everybody; disk faults for DataNodes. Clients that crash leave files open, which are closed for
/// them; the balancer is a client, and leaves moves under way.
fn draw_faults(rng: &mut Rng, datanodes: &[NodeId], clients: &[NodeId]) -> Schedule {
    let servers: Vec<NodeId> = datanodes.iter().copied().chain([NAMENODE]).collect();
    let everybody: Vec<NodeId> = servers.iter().chain(clients).copied().collect();
    let network = [
        Trouble::Cut,
        Trouble::Partition,
        Trouble::Noise,
        Trouble::NoisyLink,
    ];
    let disks = [Trouble::FlipBit, Trouble::DiskFull, Trouble::LoseDisk];
    let mixes = [
        mix(
            servers,
            &[Trouble::Crash, Trouble::Crash, Trouble::Pause],
            rng.below(8),
        ),
        mix(vec![NAMENODE], &[Trouble::Crash], rng.below(3)),
        mix(everybody, &network, rng.below(5)),
        mix(datanodes.to_vec(), &disks, rng.below(4)),
        mix(clients.to_vec(), &[Trouble::Crash], rng.below(4)),
    ];
    let mut schedule: Schedule = mixes.iter().flat_map(|mix| mix.draw(rng)).collect();
    if rng.percent(40) {
        schedule.extend(draw_burst(rng, datanodes));
    }
    // The NameNode has one disk and no copy of it: nothing can be asked of it without.
    schedule.retain(|timed| !matches!(timed.fault, Fault::LoseDisk { node: NAMENODE }));
    schedule.sort_by_key(|timed| timed.at_us);
    schedule
}
