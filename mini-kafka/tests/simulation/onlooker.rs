//! Who looks on while a trace is kept, and writes into it what the lab's page draws: the same as of a real broker.

use std::collections::BTreeMap;

use mini_kafka::group::Group;
use mini_kafka::partition::Partition;
use serde_json::{Map, Value, json};
use sim::{FigureView, Observer, World, patch};

use crate::broker::BrokerProcess;
use crate::cluster::Member;
use crate::consumer::ConsumerProcess;
use crate::wire::{BROKER, GROUP, topic_of};

/// Sees the broker's partitions and its group; while it is down or paused, what they were last.
#[derive(Default)]
pub(crate) struct Onlooker {
    /// The members of the document that are the broker's.
    broker: Value,
    /// Partitions' names, in the order of their numbers in the simulation.
    names: Vec<String>,
}

/// The consumers, by the names of their nodes.
type Consumers<'a> = BTreeMap<&'a str, &'a ConsumerProcess>;

impl Observer<Member> for Onlooker {
    fn system(&self) -> &'static str {
        "kafka"
    }

    fn look(&mut self, world: &World<Member>) -> Value {
        let consumers: Consumers<'_> = world
            .ids()
            .filter_map(|id| Some((world.name(id)?, world.node(id)?.consumer()?)))
            .collect();
        let broker = world.node(BROKER).and_then(Member::broker);
        let broker = broker.filter(|_| !world.is_paused(BROKER));
        if let Some(broker) = broker {
            let logs = (0..).map_while(|at| broker.partition(at));
            let logs: Vec<&Partition> = logs.collect();
            self.names = logs.iter().map(|log| log.log().dir().to_owned()).collect();
            self.broker = self.broker_members(broker, &logs, &consumers);
        }
        let mut document = json!({
            "nodes": self.nodes(world),
            "answered": broker.is_some(),
        });
        patch::apply(&mut document, &self.broker);
        document
    }
}

impl Onlooker {
    fn nodes(&self, world: &World<Member>) -> Map<String, Value> {
        let shown = |id| {
            let name = world.name(id).unwrap_or_default();
            let role = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let node = world.node(id);
            let mut shown = json!({"role": role});
            if let Some(waits) = node.and_then(Member::is_waiting) {
                shown["facts"] = json!(waits);
            }
            if let Some(consumer) = node.and_then(Member::consumer) {
                shown["consumer"] = json!({"group": GROUP, "owned": self.reads(consumer)});
                if let Some(generation) = consumer.generation() {
                    shown["consumer"]["generation"] = json!(generation);
                }
            }
            (name.to_owned(), shown)
        };
        world.ids().map(shown).collect()
    }

    /// The name of a partition by its number in the simulation.
    fn name(&self, partition: usize) -> &str {
        self.names.get(partition).map_or("?", String::as_str)
    }

    /// What a consumer reads, by name.
    fn reads(&self, consumer: &ConsumerProcess) -> String {
        let owned = consumer.partitions().map(|partition| self.name(partition));
        owned.collect::<Vec<_>>().join(", ")
    }

    fn broker_members(
        &self,
        broker: &BrokerProcess,
        logs: &[&Partition],
        consumers: &Consumers<'_>,
    ) -> Value {
        let topics = logs.iter().map(|log| {
            let (topic, number) = log.log().dir().rsplit_once('-').unwrap_or_default();
            let shown = json!({
                "compacted": log.config().cleanup_policy.compact,
                "synced": log.config().flush_messages == 1,
                "partitions": {number: shown_partition(log)},
            });
            (topic.to_owned(), shown)
        });
        let topics: Map<String, Value> = topics.collect();
        let group = broker.coordinator().group(GROUP);
        let mut groups = Map::new();
        if let Some(group) = group {
            let shown = self.shown_group(group, logs, consumers);
            groups.insert(GROUP.to_owned(), shown);
        }
        let ends = |of: fn(&Partition) -> i64| logs.iter().map(|log| of(log)).sum();
        let lag = group.map_or(0, |group| lags(group, logs).map(|(.., lag)| lag).sum());
        json!({
            "topics": topics,
            "groups": groups,
            "figures": {
                "log-end": figure(1, "log end offsets", ends(Partition::log_end_offset)),
                "durable": figure(2, "durable", ends(Partition::durable_end_offset)),
                "lag": figure(3, "lag", lag),
            },
        })
    }

    fn shown_group(&self, group: &Group, logs: &[&Partition], consumers: &Consumers<'_>) -> Value {
        let is_in = |consumer: &ConsumerProcess| consumer.generation() == Some(group.generation);
        let members = group.members.keys().map(|id| {
            let client = consumers.iter().find(|(_, c)| c.member_id() == id);
            let reads = client.filter(|(_, consumer)| is_in(consumer));
            let reads = reads.map(|(_, consumer)| self.reads(consumer));
            let client = client.map(|(name, _)| name);
            (id.clone(), json!({"client": client, "reads": reads}))
        });
        let members: Map<String, Value> = members.collect();
        let partitions = lags(group, logs).map(|(partition, committed, lag)| {
            let reads = |consumer: &ConsumerProcess| {
                is_in(consumer) && consumer.partitions().any(|at| at == partition)
            };
            let reader = consumers.iter().find(|(_, consumer)| reads(consumer));
            let reader = reader.map(|(name, _)| name);
            let shown = json!({"committed": committed, "lag": lag, "reader": reader});
            (self.name(partition).to_owned(), shown)
        });
        let partitions: Map<String, Value> = partitions.collect();
        json!({"state": group.state.name(), "generation": group.generation, "members": members, "partitions": partitions})
    }
}

fn figure(order: u32, label: &str, value: i64) -> FigureView {
    FigureView {
        order,
        label: label.to_owned(),
        unit: "records".to_owned(),
        value: Some(value as f64),
    }
}

fn shown_partition(log: &Partition) -> Value {
    let segments = log.log().segments().iter().map(|segment| {
        let records = segment.next_offset - segment.base_offset;
        let shown = json!({"bytes": segment.size, "records": records});
        (segment.base_offset.to_string(), shown)
    });
    let segments: Map<String, Value> = segments.collect();
    json!({"start": log.log_start_offset(), "end": log.high_watermark(), "bytes": log.log().size(), "segments": segments})
}

/// Of each partition of which the group has committed something: its number, the offset, and by how much that is behind.
fn lags(group: &Group, logs: &[&Partition]) -> impl Iterator<Item = (usize, i64, i64)> {
    (0..logs.len()).filter_map(move |partition| {
        let (topic, number) = topic_of(partition);
        let committed = group.offsets.get(&(topic.to_owned(), number))?.offset;
        let lag = (logs[partition].high_watermark() - committed).max(0);
        Some((partition, committed, lag))
    })
}
