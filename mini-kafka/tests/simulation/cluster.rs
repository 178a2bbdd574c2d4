//! A broker with its clients in one seed: topics, workload, faults.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mini_kafka::log::LogConfig;
use node::{Ctx, Event, Node, NodeId, Rng, Time};
use sim::{Fault, Mix, Observer, Scenario, Schedule, Setup, Trouble, World};

use crate::broker::BrokerProcess;
use crate::consumer::ConsumerProcess;
use crate::history::{Past, Shared};
use crate::invariants::compacted::DELETE_RETENTION;
use crate::invariants::{self, progress::Progress};
use crate::onlooker::Onlooker;
use crate::producer::ProducerProcess;
use crate::wire::{BROKER, Message, Timer};

/// When faults end.
pub(crate) const CALM_AT: Time = Time::from_millis(20_000);
/// How long everything may take to recover: sessions of dead members must run out first.
const PATIENCE: Duration = Duration::from_secs(90);
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// A topic of one partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topic {
    /// Its partition's directory.
    pub(crate) name: String,
    pub(crate) settings: Vec<(&'static str, String)>,
    /// Nothing is acknowledged or shown before it is durable.
    pub(crate) syncs_always: bool,
    pub(crate) compacts: bool,
    /// Old segments go by themselves.
    pub(crate) has_retention: bool,
    /// An administrator deletes records.
    pub(crate) is_trimmed: bool,
}

impl Topic {
    pub(crate) fn config(&self) -> LogConfig {
        let mut config = LogConfig::default();
        for (name, value) in &self.settings {
            config.set(name, value).unwrap();
        }
        config
    }

    fn new(name: &str, rng: &mut Rng) -> Topic {
        let small =
            |rng: &mut Rng, least: u64, most: u64| (least + rng.below(most - least)).to_string();
        Topic {
            name: format!("{name}-0"),
            settings: vec![
                ("segment.bytes", small(rng, 300, 2000)),
                ("index.interval.bytes", small(rng, 50, 500)),
                ("retention.ms", "-1".to_owned()),
            ],
            ..Topic::default()
        }
    }

    fn set(mut self, settings: &[(&'static str, &str)]) -> Topic {
        let settings = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        self.settings.extend(settings);
        self
    }

    fn syncing_always(self) -> Topic {
        let mut topic = self.set(&[("flush.messages", "1")]);
        topic.syncs_always = true;
        topic
    }

    fn compacted(self) -> Topic {
        let retention = DELETE_RETENTION.as_millis().to_string();
        let mut topic = self.set(&[
            ("cleanup.policy", "compact"),
            ("min.cleanable.dirty.ratio", "0.1"),
            ("delete.retention.ms", &retention),
        ]);
        topic.compacts = true;
        topic
    }

    /// Those of a run; the last one is the groups' own.
    fn draw(rng: &mut Rng) -> Vec<Topic> {
        let mut lazy = Topic::new("lazy", rng).set(&[("flush.messages", "5"), ("flush.ms", "300")]);
        if rng.percent(30) {
            lazy = lazy.set(&[("retention.bytes", "3000")]);
            lazy.has_retention = true;
        }
        let mut compacted = Topic::new("compacted", rng).compacted();
        compacted = if rng.percent(50) {
            compacted.syncing_always()
        } else {
            compacted.set(&[("flush.ms", "200")])
        };
        compacted.is_trimmed = rng.percent(50);
        lazy.is_trimmed = rng.percent(30);
        vec![
            Topic::new("always", rng).syncing_always(),
            lazy,
            compacted,
            Topic::new("__consumer_offsets", rng)
                .compacted()
                .syncing_always(),
        ]
    }
}

/// A process of any role.
pub(crate) enum Member {
    Broker(Box<BrokerProcess>),
    Producer(Box<ProducerProcess>),
    Consumer(Box<ConsumerProcess>),
}

impl Member {
    pub(crate) fn broker(&self) -> Option<&BrokerProcess> {
        match self {
            Member::Broker(process) => Some(process),
            Member::Producer(_) | Member::Consumer(_) => None,
        }
    }

    pub(crate) fn consumer(&self) -> Option<&ConsumerProcess> {
        match self {
            Member::Consumer(process) => Some(process),
            Member::Broker(_) | Member::Producer(_) => None,
        }
    }

    /// What it still has to do, if anything.
    pub(crate) fn is_waiting(&self) -> Option<String> {
        match self {
            Member::Broker(_) => None,
            Member::Producer(process) => process.is_waiting(),
            Member::Consumer(process) => process.is_waiting(),
        }
    }
}

impl Node for Member {
    type Message = Message;
    type Timer = Timer;

    fn step(&mut self, event: Event<Message, Timer>, ctx: &mut Ctx<'_, Self>) {
        match self {
            Member::Broker(process) => process.step(event, ctx),
            Member::Producer(process) => process.step(event, ctx),
            Member::Consumer(process) => process.step(event, ctx),
        }
    }
}

/// How often something came to pass, in all runs.
pub(crate) type Counts = Arc<Mutex<BTreeMap<&'static str, u64>>>;

/// The simulated cluster.
#[derive(Default)]
pub(crate) struct Cluster {
    pub(crate) counts: Counts,
}

impl Scenario for Cluster {
    type Node = Member;

    fn name(&self) -> &'static str {
        "mini-kafka"
    }

    fn replay_command(&self) -> &'static str {
        "cargo test -p mini-kafka --test simulation -- replay"
    }

    fn label(message: &Message) -> &'static str {
        message.label()
    }

    fn observer(&self) -> Option<Box<dyn Observer<Member>>> {
        Some(Box::<Onlooker>::default())
    }

    fn setup(&self, rng: &mut Rng) -> Setup<Member> {
        let topics = Topic::draw(rng);
        let history = Shared::default();
        let (data, _) = topics.split_at(topics.len() - 1);
        let past = |topic: &Topic| Past {
            topic: topic.clone(),
            ..Past::default()
        };
        history.borrow_mut().partitions = data.iter().map(past).collect();
        let partitions = data.len();
        let producers = u32::try_from(2 + rng.below(4)).unwrap_or(2);
        let consumers = u32::try_from(1 + rng.below(3)).unwrap_or(1);
        let batches = 10 + rng.below(40);
        let (topics, shared) = (Rc::new(topics), history.clone());
        let mut world = World::new(rng.fork(), move |id: NodeId, rng: &mut Rng| {
            let history = shared.clone();
            if id == BROKER {
                let broker = BrokerProcess::new(topics.clone(), history, rng);
                Member::Broker(Box::new(broker))
            } else if id.0 <= producers {
                let partition = id.0 as usize % partitions;
                let producer = ProducerProcess::new(history, partition, batches, rng);
                Member::Producer(Box::new(producer))
            } else {
                let consumer = ConsumerProcess::new(history, id, partitions, rng);
                Member::Consumer(Box::new(consumer))
            }
        });
        world.add_node("broker");
        let mut clients: Vec<NodeId> = (1..=producers)
            .map(|i| world.add_node(&format!("producer{i}")))
            .collect();
        clients.extend((1..=consumers).map(|i| world.add_node(&format!("consumer{i}"))));
        Setup {
            schedule: draw_faults(rng, &clients),
            world,
            invariants: invariants::all(&history),
            progress: Box::new(Progress {
                history,
                clients,
                counts: self.counts.clone(),
            }),
            calm_at: CALM_AT,
            patience: PATIENCE,
            check_every: CHECK_EVERY,
        }
    }
}

fn mix(nodes: Vec<NodeId>, kinds: &[Trouble], count: u64) -> Mix {
    Mix {
        nodes,
        kinds: kinds.to_vec(),
        count,
        from: Time::from_millis(500),
        until: CALM_AT,
        longest: Duration::from_secs(3),
        // Bits of what was synced are nobody's to mend, where there is one broker. But an index can be made anew.
        flip_within: "index".into(),
    }
}

/// The broker's machine crashes, at disk calls too, stops, and has a full disk; bits flip; the network does its worst; clients crash.
fn draw_faults(rng: &mut Rng, clients: &[NodeId]) -> Schedule {
    let everybody: Vec<NodeId> = clients.iter().copied().chain([BROKER]).collect();
    let network = [
        Trouble::Cut,
        Trouble::Partition,
        Trouble::Noise,
        Trouble::NoisyLink,
    ];
    let disk = [Trouble::DiskFull, Trouble::FlipBit];
    let mixes = [
        mix(vec![BROKER], &[Trouble::Crash], rng.below(8)),
        mix(vec![BROKER], &[Trouble::Pause], rng.below(2)),
        mix(vec![BROKER], &disk, rng.below(5)),
        mix(everybody, &network, rng.below(6)),
        mix(
            clients.to_vec(),
            &[Trouble::Crash, Trouble::Pause],
            rng.below(4),
        ),
    ];
    let mut schedule: Schedule = mixes.iter().flat_map(|mix| mix.draw(rng)).collect();
    schedule.retain(|timed| !matches!(&timed.fault, Fault::Cut { from, to } if from == to));
    schedule.sort_by_key(|timed| timed.at_us);
    schedule
}
