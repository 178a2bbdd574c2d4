//! mini-kafka in the lab: a broker, producers and consumers as processes, what can be seen of them, and what can be done to them.

mod consumer;
mod document;
mod ledger;
mod messages;
mod observer;
mod producer;
mod scenes;
mod segments;
mod watch;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser};
use kafka_protocol::messages::CreateTopicsRequest;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::protocol::StrBytes;
use mini_kafka::server::client::{Client, ClientError};
use serde_json::{Value, json};

use super::disks::{self, Disks};
use super::lines;
use crate::lab::{Lab, NodeSpec, lock, quoted};
use crate::links::recogniser::Protocol;
use crate::scenes::{Play, SOON, Stage, ensure};
use crate::system::{Cluster, Deed, Order, Param, Scenery, System, Target, When};
use segments::{Tear, Torn};
use watch::Watching;

pub(crate) use watch::View;

/// The name of the one broker.
pub(crate) const BROKER: &str = "broker";
/// Where producers write at first, and which group reads it.
const TOPIC: &str = "orders";
const GROUP: &str = "billing";
/// What is acknowledged has been synced.
const SYNCED: (&str, &str) = ("flush.messages", "1");

/// Everything happens sooner than in earnest, so that nobody waits for it.
const SETTINGS: &[&str] = &[
    "auto.create.topics.enable=false",
    "group.initial.rebalance.delay.ms=300",
    "group.min.session.timeout.ms=500",
    "log.cleaner.backoff.ms=500",
    "log.retention.check.interval.ms=1000",
    "offsets.topic.num.partitions=1",
];

/// A topic, and the number of one of its partitions.
pub(crate) type TopicPartition = (String, i32);

/// How large one is.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Size {
    /// How many partitions the topic has
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=12))]
    partitions: u32,
    /// How many producers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=5))]
    producers: u32,
    /// How many consumers, in one group
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=8))]
    consumers: u32,
}

/// mini-kafka, as a system of the lab.
pub(crate) struct MiniKafka;

/// What a node is.
#[derive(Debug, Parser)]
#[command(name = "lab node kafka")]
enum Node {
    /// mini-kafka's broker
    Server(Broker),
    /// A producer
    Producer(producer::Options),
    /// A consumer
    Consumer(consumer::Options),
}

#[derive(Debug, Args)]
struct Broker {
    #[command(flatten)]
    options: mini_kafka::server::Options,
    /// It dials nobody
    #[arg(long = "socks")]
    _socks: Option<SocketAddr>,
}

impl System for MiniKafka {
    fn name(&self) -> &'static str {
        "kafka"
    }

    fn title(&self) -> &'static str {
        "mini-kafka"
    }

    fn options(&self, command: Command) -> Command {
        Size::augment_args(command)
    }

    fn start(&self, lab: &Arc<Lab>, options: &ArgMatches) -> Result<Arc<dyn Cluster>> {
        Ok(Kafka::set(lab, &Size::from_arg_matches(options)?)?)
    }

    fn scenes(&self) -> &'static [&'static dyn Play] {
        scenes::SCENES
    }

    fn node(&self, args: Vec<OsString>) -> Result<()> {
        let name = OsString::from("lab node kafka");
        match Node::parse_from([name].into_iter().chain(args)) {
            Node::Server(Broker { options, .. }) => {
                mini_kafka::server::log_to_stderr("info");
                mini_kafka::server::run(&options)
            }
            Node::Producer(options) => producer::run(&options),
            Node::Consumer(options) => consumer::run(&options),
        }
    }

    fn protocols(&self) -> &'static [Protocol] {
        &[messages::PROTOCOL]
    }
}

/// What is known of a topic besides what the broker tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopicKind {
    /// The last record of each key is kept, and not much more.
    pub(crate) compacted: bool,
    /// What is acknowledged has been synced.
    pub(crate) synced: bool,
}

/// A broker that runs, and its clients.
pub(crate) struct Kafka {
    lab: Arc<Lab>,
    disks: Arc<Disks>,
    topics: Mutex<BTreeMap<String, TopicKind>>,
    watching: Mutex<Watching>,
    seen: Mutex<(Instant, Arc<View>)>,
}

impl Scenery for Kafka {
    type Size = Size;
    type View = View;

    fn set(lab: &Arc<Lab>, size: &Size) -> Result<Arc<Kafka>> {
        start_broker(lab)?;
        let kafka = Arc::new(Kafka {
            lab: lab.clone(),
            disks: Disks::of(lab),
            topics: Mutex::default(),
            watching: Mutex::default(),
            seen: Mutex::new((Instant::now(), Arc::default())),
        });
        kafka.create_topic(TOPIC, size.partitions, &[SYNCED])?;
        for n in 1..=size.producers {
            kafka.add_producer(&format!("p{n}"), &["--topic", TOPIC, "--idempotent"])?;
        }
        for n in 1..=size.consumers {
            kafka.add_consumer(&format!("c{n}"), &["--topic", TOPIC, "--group", GROUP])?;
        }
        watch::start(&kafka);
        Ok(kafka)
    }

    fn ready(stage: &Stage<Kafka>, size: &Size) -> Result<()> {
        stage.expect(
            "the broker answers, and every consumer reads",
            SOON,
            |view| {
                ensure(view.answers, || "it does not".to_owned())?;
                let reading = view
                    .consumers
                    .values()
                    .filter(|c| c.generation.is_some())
                    .count();
                ensure(reading == size.consumers as usize, || {
                    format!("{reading} do")
                })
            },
        )
    }

    fn seen_since(&self, then: Instant) -> Option<Arc<View>> {
        let (looked_at, seen) = &*lock(&self.seen);
        (*looked_at > then).then(|| seen.clone())
    }
}

fn start_broker(lab: &Lab) -> Result<()> {
    let mut args = vec!["server".to_owned()];
    let dir = format!("log.dirs={}", lab.dir(BROKER).display());
    for setting in SETTINGS.iter().copied().chain([dir.as_str()]) {
        args.extend(["--override".to_owned(), setting.to_owned()]);
    }
    lab.add(NodeSpec {
        name: BROKER.to_owned(),
        role: "broker",
        rack: None,
        program: "mini-kafka",
        args,
        listens: &[
            ("--listen", "kafka"),
            ("--http", "http"),
            ("--chaos", "chaos"),
        ],
    })?;
    lab.start(BROKER)
}

impl Kafka {
    fn address(&self) -> Result<String> {
        self.lab.address(BROKER, "kafka")
    }

    /// Makes a topic with settings of its own.
    pub(crate) fn create_topic(
        &self,
        name: &str,
        partitions: u32,
        settings: &[(&str, &str)],
    ) -> Result<()> {
        let text = |text: &str| StrBytes::from_string(text.to_owned());
        let configs = settings.iter().map(|(key, value)| {
            CreatableTopicConfig::default()
                .with_name(text(key))
                .with_value(Some(text(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(observer::topic_name(name))
            .with_num_partitions(i32::try_from(partitions)?)
            .with_replication_factor(1)
            .with_configs(configs.collect());
        let request = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(30_000);
        let address = self.address()?;
        let created: Result<(), ClientError> = self.lab.runtime().block_on(async {
            let mut client = Client::connect(&address, "lab").await?;
            let answer = client.call(4, &request).await?;
            let mut topics = answer.topics.iter();
            topics
                .try_for_each(|topic| ClientError::check(format!("topic {name}"), topic.error_code))
        });
        // With --dir it is there from the last time.
        if !created
            .as_ref()
            .is_err_and(|e| e.code() == Some(TOPIC_ALREADY_EXISTS))
        {
            created?;
        }
        let mut command = format!(
            "mini-kafka topics --bootstrap-server {address} --create --topic {name} --partitions {partitions}"
        );
        for (key, value) in settings {
            command += &format!(" --config {}", quoted(&format!("{key}={value}")));
        }
        let kind = TopicKind {
            compacted: settings.contains(&("cleanup.policy", "compact")),
            synced: settings.contains(&SYNCED),
        };
        lock(&self.topics).insert(name.to_owned(), kind);
        let ending = if partitions == 1 { "" } else { "s" };
        let text = format!("the topic {name} is made, with {partitions} partition{ending}");
        self.lab.recorder.action(Some(BROKER), text, &command);
        Ok(())
    }

    /// Starts a producer with these options.
    pub(crate) fn add_producer(&self, name: &str, options: &[&str]) -> Result<()> {
        self.add_client("producer", name, options)
    }

    /// Starts a consumer with these options.
    pub(crate) fn add_consumer(&self, name: &str, options: &[&str]) -> Result<()> {
        self.add_client("consumer", name, options)
    }

    fn add_client(&self, role: &'static str, name: &str, options: &[&str]) -> Result<()> {
        let address = self.address()?;
        let mut args = vec![role, "--name", name, "--bootstrap", &address];
        args.extend(options);
        lines::add(&self.lab, name, role, "lab node kafka", &args)
    }

    /// Tells a producer or consumer something, or asks it, from outside.
    fn tell(&self, node: &str, word: &str, said: &Value) -> Result<Value> {
        let address = self.lab.address(node, "address")?.parse()?;
        let answer = lines::ask(None, address, word, said, lines::PATIENCE);
        answer.with_context(|| format!("{node} does not follow"))
    }

    /// The shell's words for the same.
    fn told(&self, node: &str, word: &str, said: &Value) -> Result<String> {
        let address = self.lab.address(node, "address")?.replace(':', " ");
        let line = format!("{word} {said}");
        Ok(format!("echo {} | nc {address}", quoted(&line)))
    }

    fn order(&self, node: &str, word: &str, said: &Value, text: String) -> Result<()> {
        self.tell(node, word, said)?;
        let command = self.told(node, word, said)?;
        self.lab.recorder.action(Some(node), text, &command);
        Ok(())
    }

    /// A producer sends so many records a second.
    pub(crate) fn set_rate(&self, producer: &str, rate: f64) -> Result<()> {
        let text = match rate > 0.0 {
            true => format!("{producer} sends {rate} records a second"),
            false => format!("{producer} sends nothing more"),
        };
        self.order(producer, "rate", &json!(rate), text)
    }

    /// A consumer works off so many records a second; 0: any number.
    pub(crate) fn set_speed(&self, consumer: &str, speed: f64) -> Result<()> {
        let text = match speed > 0.0 {
            true => format!("{consumer} works off {speed} records a second at most"),
            false => format!("{consumer} works off whatever comes"),
        };
        self.order(consumer, "speed", &json!(speed), text)
    }

    /// A producer sends one record; a tombstone without a value.
    pub(crate) fn send(&self, producer: &str, key: &str, value: Option<&str>) -> Result<()> {
        let text = match value {
            Some(value) => format!("{producer} sends {value} as {key}"),
            None => format!("{producer} deletes {key}: it sends a tombstone"),
        };
        self.order(producer, "send", &json!({"key": key, "value": value}), text)
    }

    /// Leaves the end of a log, whose broker must be down, as a power cut does.
    pub(crate) fn tear(&self, partition: &TopicPartition) -> Result<Torn> {
        if self.lab.pid(BROKER).is_ok() {
            bail!("the broker runs, and would not see what becomes of its files: kill it first");
        }
        let synced = lock(&self.topics)
            .get(&partition.0)
            .is_some_and(|kind| kind.synced);
        let how = if synced { Tear::Next } else { Tear::Last };
        let torn = segments::tear(&self.lab.dir(BROKER), partition, how)?;
        let file = torn.file.display().to_string();
        let (text, command) = match how {
            Tear::Last => (
                format!(
                    "the last batch of {}-{} had not been synced: half of it is left",
                    partition.0, partition.1
                ),
                format!("truncate -s {} {}", torn.after, quoted(&file)),
            ),
            Tear::Next => (
                format!(
                    "of the batch that was being written to {}-{}, half is there",
                    partition.0, partition.1
                ),
                format!(
                    "head -c {} /dev/urandom >> {}",
                    torn.after - torn.before,
                    quoted(&file)
                ),
            ),
        };
        self.lab.recorder.action(Some(BROKER), text, &command);
        Ok(torn)
    }

    /// Tears the log that has the most.
    fn tear_any(&self) -> Result<()> {
        let seen = lock(&self.seen).1.clone();
        let longest = seen
            .partitions()
            .max_by_key(|(_, part)| part.end - part.start);
        let (partition, _) = longest.context("there is no topic")?;
        self.tear(&partition)?;
        Ok(())
    }

    /// The group has one more consumer.
    fn add_another_consumer(&self) -> Result<()> {
        let nodes = self.lab.nodes();
        let number = nodes
            .iter()
            .filter_map(|node| node.name.strip_prefix('c')?.parse::<u32>().ok());
        let name = format!("c{}", number.max().unwrap_or(0) + 1);
        self.add_consumer(&name, &["--topic", TOPIC, "--group", GROUP])
    }
}

/// Kafka's code.
const TOPIC_ALREADY_EXISTS: i16 = 36;

impl Cluster for Kafka {
    fn deeds(&self) -> Vec<Deed> {
        let deed = |id, label, title, role, process, param| Deed {
            id,
            label,
            title,
            group: None,
            on: Target::Node,
            roles: role,
            when: When { process },
            param,
        };
        let number = |name, label, max, value| Param {
            name,
            label,
            unit: "records/s",
            min: 0.0,
            max,
            value,
        };
        let mut deeds = disks::deeds(&["broker"]);
        deeds.extend([
            deed(
                "rate",
                "Send",
                "Send so many records a second; 0 for none",
                &["producer"],
                &["up"],
                Some(number("rate", "Rate", 200.0, 50.0)),
            ),
            deed(
                "speed",
                "Work off",
                "Work off so many records a second at most; 0 for any number",
                &["consumer"],
                &["up"],
                Some(number("speed", "At most", 200.0, 5.0)),
            ),
            deed(
                "tear",
                "Tear a log's end",
                "Leave the longest log as a power cut does: what was not synced is there in part",
                &["broker"],
                &["down"],
                None,
            ),
            Deed {
                on: Target::Cluster,
                ..deed(
                    "consumer",
                    "Add a consumer",
                    "Start one more consumer, in the same group",
                    &[],
                    &[],
                    None,
                )
            },
        ]);
        deeds
    }

    fn perform(&self, deed: &str, order: &Order) -> Result<()> {
        let value = || {
            let value = order.value.context("say how many records a second")?;
            anyhow::ensure!((0.0..=200.0).contains(&value), "say a number from 0 to 200");
            Ok(value)
        };
        match deed {
            "rate" => self.set_rate(order.node()?, value()?),
            "speed" => self.set_speed(order.node()?, value()?),
            "tear" => self.tear_any(),
            "consumer" => self.add_another_consumer(),
            _ => self.disks.perform(deed, order),
        }
    }

    fn undo(&self) -> Result<()> {
        self.disks.undo()
    }

    fn shell(&self) -> Vec<String> {
        let broker = self.address().unwrap_or_default();
        vec![
            "alias mini-kafka='cargo run -qrp mini-kafka --'".to_owned(),
            format!("mini-kafka topics --bootstrap-server {broker} --describe"),
            format!(
                "mini-kafka consumer-groups --bootstrap-server {broker} --describe --group {GROUP}"
            ),
            format!("kcat -b {broker} -C -t {TOPIC} -o -5 -e"),
        ]
    }
}

/// How long a look may take.
const LOOK_MAX: Duration = Duration::from_secs(1);
