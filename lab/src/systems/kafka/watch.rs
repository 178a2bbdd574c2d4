//! The lab's looks at the broker and its clients, a few in a second.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use anyhow::Result;
use mini_kafka::server::client::consumer::Consumed;
use serde::Deserialize;
use serde_json::{Value, json};
use sim::Level;

use super::ledger::{Extent, Ledger};
use super::observer::{Answers, Group, Observer};
use super::producer::{Ack, Sent};
use super::segments::{Segment, segments};
use super::{BROKER, Kafka, LOOK_MAX, TopicKind, TopicPartition, consumer, document, producer};
use crate::lab::{Condition, NodeView, lock};

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Over which time rates are taken.
const RATE_SPAN: Duration = Duration::from_secs(2);

/// A partition, as it is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Its first offset.
    pub(crate) start: i64,
    /// The one behind its last that a reader may have (the high watermark).
    pub(crate) end: i64,
    pub(crate) segments: Vec<Segment>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) kind: TopicKind,
    pub(crate) partitions: BTreeMap<i32, Partition>,
}

/// What there is to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct View {
    /// Whether the broker answers; if not, the rest is what it said last.
    pub(crate) answers: bool,
    pub(crate) topics: BTreeMap<String, Topic>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) producers: BTreeMap<String, producer::Shown>,
    pub(crate) consumers: BTreeMap<String, consumer::Shown>,
    /// What was acknowledged and is not there, a sentence each.
    pub(crate) lost: Vec<String>,
    /// What is there twice.
    pub(crate) twice: Vec<String>,
    pub(crate) written_per_second: f64,
    pub(crate) read_per_second: f64,
}

impl View {
    pub(crate) fn partition(&self, topic: &str, partition: i32) -> Option<&Partition> {
        self.topics.get(topic)?.partitions.get(&partition)
    }

    pub(crate) fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &Partition)> {
        self.topics.iter().flat_map(|(name, topic)| {
            let partitions = topic.partitions.iter();
            partitions.map(move |(number, partition)| ((name.clone(), *number), partition))
        })
    }

    /// Records of all partitions of a topic.
    pub(crate) fn len(&self, topic: &str) -> i64 {
        let topic = self.topics.get(topic).into_iter();
        let partitions = topic.flat_map(|topic| topic.partitions.values());
        partitions
            .map(|partition| partition.end - partition.start)
            .sum()
    }

    /// How far a group is behind in a partition.
    pub(crate) fn lag_in(&self, group: &Group, partition: &TopicPartition) -> i64 {
        let end = self
            .partition(&partition.0, partition.1)
            .map_or(0, |part| part.end);
        let committed = group.committed.get(partition).copied().unwrap_or(0);
        (end - committed.max(0)).max(0)
    }

    /// How far a group is behind.
    pub(crate) fn lag(&self, group: &Group) -> i64 {
        let assigned = group.members.values().flatten();
        let mut partitions: Vec<_> = group.committed.keys().chain(assigned).collect();
        partitions.sort();
        partitions.dedup();
        partitions
            .into_iter()
            .map(|partition| self.lag_in(group, partition))
            .sum()
    }

    /// The latest generation of a group that a member knows.
    pub(crate) fn generation(&self, group: &str) -> Option<i32> {
        let members = self
            .consumers
            .values()
            .filter(|member| member.group == group);
        members.filter_map(|member| member.generation).max()
    }
}

/// What a look leaves for the next one.
#[derive(Default)]
pub(crate) struct Watching {
    observer: Option<Observer>,
    ledger: Ledger,
    /// The broker's process, whose log was read.
    pid: Option<u32>,
    /// By producer: its process, and how many of its acknowledgements are known.
    acks: BTreeMap<String, (u32, u64)>,
    answers: Answers,
    /// Records written and read in all, then and now.
    totals: Vec<(Instant, i64, u64)>,
}

/// Looks for as long as there is something to look at.
pub(super) fn start(kafka: &Arc<Kafka>) {
    let kafka = Arc::downgrade(kafka);
    std::thread::spawn(move || {
        while let Some(kafka) = Weak::upgrade(&kafka).filter(|kafka| kafka.lab.is_open()) {
            kafka.look();
            drop(kafka);
            std::thread::sleep(LOOK_EVERY);
        }
    });
}

impl Kafka {
    fn look(&self) {
        let began = Instant::now();
        let mut watching = lock(&self.watching);
        let nodes = self.lab.nodes();
        let is_up = |node: &&NodeView| node.process == Condition::Up;
        let mut after = View::default();
        let before = lock(&self.seen).1.clone();
        for node in nodes.iter().filter(|node| node.role == "producer") {
            let asked = is_up(&node)
                .then(|| self.look_at_producer(node, &mut watching))
                .flatten();
            // One that is paused is as it was.
            let shown = asked.or_else(|| before.producers.get(&node.name).cloned());
            after
                .producers
                .extend(shown.map(|shown| (node.name.clone(), shown)));
        }
        for node in nodes.iter().filter(|node| node.role == "consumer") {
            let asked = is_up(&node).then(|| self.tell(&node.name, "show", &Value::Null));
            let shown = asked.and_then(|said| consumer::Shown::deserialize(said.ok()?).ok());
            let left = before
                .consumers
                .get(&node.name)
                .filter(|_| node.process == Condition::Paused);
            let shown = shown.or_else(|| left.cloned());
            after
                .consumers
                .extend(shown.map(|shown| (node.name.clone(), shown)));
        }
        let broker = nodes.iter().find(|node| node.name == BROKER);
        after.answers = broker.is_some_and(|broker| is_up(&broker))
            && self.look_at_broker(broker, &mut watching);
        self.judge(&mut watching, &mut after);
        measure(&mut watching.totals, &mut after);
        drop(watching);
        // What is seen of it while it is taken down is no news.
        if !self.lab.is_open() {
            return;
        }
        self.tell_changes(&before, &after);
        let disks = ("disks", self.disks.document());
        let members = document::members(&after, &nodes).into_iter();
        self.lab.recorder.put_all(members.chain([disks]));
        *lock(&self.seen) = (began, Arc::new(after));
    }

    /// What a producer says, and what it was told is safe.
    fn look_at_producer(
        &self,
        node: &NodeView,
        watching: &mut Watching,
    ) -> Option<producer::Shown> {
        #[derive(Deserialize)]
        struct Told {
            first: u64,
            acks: Vec<Ack>,
        }
        let (name, pid) = (&node.name, node.pid?);
        let known = watching.acks.entry(name.clone()).or_insert((pid, 0));
        if known.0 != pid {
            *known = (pid, 0);
        }
        loop {
            let told = self.tell(name, "acks", &json!(known.1)).ok()?;
            let Told { first, acks } = Told::deserialize(told).ok()?;
            if acks.is_empty() {
                break;
            }
            known.1 = first + acks.len() as u64;
            acks.into_iter()
                .for_each(|ack| watching.ledger.acknowledge(ack));
        }
        producer::Shown::deserialize(self.tell(name, "show", &Value::Null).ok()?).ok()
    }

    /// Asks the broker, and reads what has come. Says whether it answers.
    fn look_at_broker(&self, broker: Option<&NodeView>, watching: &mut Watching) -> bool {
        let pid = broker.and_then(|broker| broker.pid);
        if watching.pid != pid {
            // What it has recovered may be less than it had, and soon something else.
            (watching.pid, watching.observer) = (pid, None);
            watching.ledger.read_anew();
        }
        let Ok(address) = self.address() else {
            return false;
        };
        let observer = watching.observer.take();
        let asked = self
            .lab
            .runtime()
            .block_on(async { tokio::time::timeout(LOOK_MAX, ask(observer, &address)).await });
        let Ok(Ok((observer, answers, read))) = asked else {
            watching.ledger.read_anew();
            return false;
        };
        for record in read {
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let sent = Sent {
                key: record.key.map(text).unwrap_or_default(),
                value: record.value.map(text),
            };
            watching.ledger.read(&record.partition, record.offset, sent);
        }
        (watching.observer, watching.answers) = (Some(observer), answers);
        true
    }

    /// Puts the topics together, and compares them with what was acknowledged.
    fn judge(&self, watching: &mut Watching, after: &mut View) {
        let Watching {
            observer,
            ledger,
            answers,
            ..
        } = watching;
        after.groups.clone_from(&answers.groups);
        let kinds = lock(&self.topics).clone();
        let root = self.lab.dir(BROKER);
        for (partition, (start, end)) in &answers.offsets {
            let topic = after.topics.entry(partition.0.clone()).or_default();
            topic.kind = kinds.get(&partition.0).copied().unwrap_or_default();
            let part = Partition {
                start: *start,
                end: *end,
                segments: segments(&root, partition, topic.kind.compacted),
            };
            topic.partitions.insert(partition.1, part);
        }
        // What is down cannot be judged by what it said last.
        if let Some(observer) = observer.as_ref().filter(|_| after.answers) {
            let extents = after.topics.iter().flat_map(|(name, topic)| {
                topic.partitions.iter().map(move |(number, part)| {
                    let partition = (name.clone(), *number);
                    let extent = Extent {
                        start: part.start,
                        end: part.end,
                        read_to: observer.read_to(&partition),
                        compacted: topic.kind.compacted.then_some(&part.segments[..]),
                    };
                    (partition, extent)
                })
            });
            ledger.judge(&extents.collect());
        }
        (after.lost, after.twice) = (ledger.lost(), ledger.twice());
    }

    fn tell_changes(&self, before: &View, after: &View) {
        let recorder = &self.lab.recorder;
        for lost in after.lost.iter().filter(|lost| !before.lost.contains(lost)) {
            recorder.event(Level::Bad, Some(BROKER), lost.clone());
        }
        for twice in after
            .twice
            .iter()
            .filter(|twice| !before.twice.contains(twice))
        {
            recorder.event(Level::Bad, Some(BROKER), twice.clone());
        }
        for id in after.groups.keys() {
            let (was, is) = (before.generation(id), after.generation(id));
            if let Some(is) = is.filter(|is| was.is_some_and(|was| was < *is)) {
                recorder.event(
                    Level::Change,
                    Some(BROKER),
                    format!("{id} has its generation {is}"),
                );
            }
        }
    }
}

async fn ask(
    observer: Option<Observer>,
    address: &str,
) -> Result<(Observer, Answers, Vec<Consumed>)> {
    let mut observer = match observer {
        Some(observer) => observer,
        None => Observer::connect(address).await?,
    };
    let answers = observer.ask().await?;
    let read = observer.read(answers.offsets.keys()).await?;
    Ok((observer, answers, read))
}

/// How many records were written and read in a second, of late.
fn measure(totals: &mut Vec<(Instant, i64, u64)>, after: &mut View) {
    let now = Instant::now();
    let written: i64 = after.partitions().map(|(_, part)| part.end).sum();
    let read: u64 = after.consumers.values().map(|consumer| consumer.read).sum();
    totals.push((now, written, read));
    totals.retain(|(at, ..)| now.duration_since(*at) < RATE_SPAN);
    let (since, written_then, read_then) = totals[0];
    let seconds = now.duration_since(since).as_secs_f64().max(0.1);
    let rate = |then: f64, now: f64| ((now - then) / seconds).max(0.0);
    after.written_per_second = rate(written_then as f64, written as f64);
    after.read_per_second = rate(read_then as f64, read as f64);
}
