//! What the page is shown: the state document, with lamps and figures.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::segments::{Held, Segment};
use super::{TopicPartition, View, consumer};
use crate::lab::{CLIENT, Lab, NodeView};

/// A reader that is further behind does not keep up.
const LAG_MAX: i64 = 100;
/// Of a compacted segment so many records are shown one by one.
const SHOWN_MAX: usize = 40;

fn named((topic, partition): &TopicPartition) -> String {
    format!("{topic}-{partition}")
}

fn names<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> String {
    let names: Vec<String> = partitions.into_iter().map(named).collect();
    names.join(", ")
}

/// The members of the document.
pub(crate) fn members(view: &View, nodes: &[NodeView]) -> [(&'static str, Value); 6] {
    [
        ("nodes", Value::Object(shown_nodes(view, nodes))),
        ("answered", json!(view.answers)),
        ("topics", topics(view)),
        ("groups", groups(view)),
        ("lamps", lamps(view)),
        ("figures", figures(view)),
    ]
}

fn shown_nodes(view: &View, nodes: &[NodeView]) -> Map<String, Value> {
    let mut shown = Lab::nodes_document(nodes);
    // Producers and consumers are the clients here.
    shown.remove(CLIENT);
    for (name, producer) in &view.producers {
        let node = &mut shown[name];
        let kind = if producer.idempotent {
            "idempotent"
        } else {
            "not idempotent"
        };
        node["facts"] = json!(format!("{} acknowledged · {kind}", producer.acknowledged));
        node["producer"] = json!(producer);
    }
    for (name, consumer) in &view.consumers {
        let node = &mut shown[name];
        let owned = match names(&consumer.owned) {
            none if none.is_empty() => "reads nothing".to_owned(),
            some => some,
        };
        node["facts"] = json!(format!("{owned} · {} read", consumer.read));
        node["consumer"] = json!({"group": consumer.group, "generation": consumer.generation, "read": consumer.read,
            "speed": consumer.speed, "trouble": consumer.trouble, "owned": owned});
    }
    if let Some(broker) = shown.get_mut(super::BROKER) {
        let partitions = view
            .topics
            .values()
            .map(|topic| topic.partitions.len())
            .sum::<usize>();
        broker["facts"] = json!(format!(
            "{} topics, {partitions} partitions",
            view.topics.len()
        ));
    }
    shown
}

fn topics(view: &View) -> Value {
    let topics = view.topics.iter().map(|(name, topic)| {
        let partitions = topic.partitions.iter().map(|(number, part)| {
            let latest = topic.kind.compacted.then(|| latest(&part.segments));
            let nexts = part.segments.iter().skip(1).map(|segment| segment.base);
            let ends = nexts.chain([part.end]);
            let segments = part.segments.iter().zip(ends).map(|(segment, end)| {
                let shown = shown_segment(segment, end, latest.as_ref());
                (segment.base.to_string(), shown)
            });
            let segments: Map<String, Value> = segments.collect();
            let bytes: u64 = part.segments.iter().map(|segment| segment.bytes).sum();
            (number.to_string(), json!({"start": part.start, "end": part.end, "bytes": bytes, "segments": segments}))
        });
        let partitions: Map<String, Value> = partitions.collect();
        (name.clone(), json!({"compacted": topic.kind.compacted, "synced": topic.kind.synced, "partitions": partitions}))
    });
    Value::Object(topics.collect())
}

/// The last offset of each key.
fn latest(segments: &[Segment]) -> BTreeMap<&str, i64> {
    let records = segments.iter().flat_map(|segment| &segment.records);
    records
        .map(|(offset, held)| (held.key.as_str(), *offset))
        .collect()
}

/// A segment up to `end`; one by one, if the `latest` record of each key is given.
fn shown_segment(segment: &Segment, end: i64, latest: Option<&BTreeMap<&str, i64>>) -> Value {
    let records = match latest {
        Some(_) => segment.records.len() as i64,
        None => end - segment.base,
    };
    let mut shown = json!({"bytes": segment.bytes, "records": records});
    if let Some(latest) = latest {
        let skip = segment.records.len().saturating_sub(SHOWN_MAX);
        let keys = segment.records.iter().skip(skip).map(|(offset, held)| {
            let Held { key, value } = held;
            let state = match (latest.get(key.as_str()) == Some(offset), value) {
                (false, _) => "replaced",
                (true, Some(_)) => "last",
                (true, None) => "deleted",
            };
            (
                offset.to_string(),
                json!({"of": key, "value": value, "state": state}),
            )
        });
        shown["keys"] = Value::Object(keys.collect());
    }
    shown
}

fn groups(view: &View) -> Value {
    let groups = view.groups.iter().map(|(id, group)| {
        let readers: BTreeMap<&TopicPartition, &String> = (group.members.iter())
            .flat_map(|((client, _), share)| share.iter().map(move |partition| (partition, client)))
            .collect();
        let partitions: BTreeSet<&TopicPartition> =
            group.committed.keys().chain(readers.keys().copied()).collect();
        let partitions = partitions.into_iter().map(|partition| {
            let shown = json!({"committed": group.committed.get(partition), "lag": view.lag_in(group, partition),
                "reader": readers.get(partition)});
            (named(partition), shown)
        });
        let partitions: Map<String, Value> = partitions.collect();
        let members = group.members.iter().map(|((client, member), share)| {
            (member.clone(), json!({"client": client, "reads": names(share)}))
        });
        let members: Map<String, Value> = members.collect();
        let generation = view.generation(id);
        (id.clone(), json!({"state": group.state, "generation": generation, "members": members, "partitions": partitions}))
    });
    Value::Object(groups.collect())
}

/// Whether something holds; none where nobody can tell.
type Holds = (Option<bool>, String);

fn lamps(view: &View) -> Value {
    let mut lamps = Map::new();
    let mut lamp = |id: &str, sentence: &str, (holds, reason): Holds| {
        let order = lamps.len() + 1;
        let shown = json!({"order": order, "sentence": sentence, "holds": holds, "reason": reason});
        lamps.insert(id.to_owned(), shown);
    };
    let why = |view: &View| match view.answers {
        true => (Some(true), String::new()),
        false => (Some(false), "it was asked, and said nothing".to_owned()),
    };
    lamp("answers", "The broker answers", why(view));
    lamp(
        "kept",
        "Every acknowledged record is there",
        none_of(&view.lost),
    );
    lamp("once", "No record is there twice", none_of(&view.twice));
    lamp(
        "owners",
        "In each group every partition has one reader",
        owners(view),
    );
    lamp("lag", "The readers keep up", keeps_up(view));
    Value::Object(lamps)
}

fn none_of(sentences: &[String]) -> Holds {
    match sentences {
        [] => (Some(true), String::new()),
        [one] => (Some(false), one.clone()),
        [first, rest @ ..] => (Some(false), format!("{first}; and {} more", rest.len())),
    }
}

/// No two members of one generation read the same partition, whatever they were assigned.
fn owners(view: &View) -> Holds {
    let mut readers: BTreeMap<(&str, Option<i32>, &TopicPartition), &str> = BTreeMap::new();
    for (name, consumer) in &view.consumers {
        let consumer::Shown {
            group,
            generation,
            owned,
            ..
        } = consumer;
        for partition in owned {
            let other = readers.insert((group.as_str(), *generation, partition), name.as_str());
            if let Some(other) = other.filter(|_| generation.is_some()) {
                let text = format!("{} is read by {other} and by {name}", named(partition));
                return (Some(false), text);
            }
        }
    }
    for (id, group) in &view.groups {
        match group.state.as_str() {
            "Stable" => {}
            "Empty" | "Dead" => return (Some(false), format!("nobody is in {id}")),
            _ => return (None, format!("{id} rebalances")),
        }
        let assigned: BTreeSet<&TopicPartition> = group.members.values().flatten().collect();
        let read: BTreeSet<&str> = assigned.iter().map(|(topic, _)| topic.as_str()).collect();
        for topic in read {
            let numbers = view
                .topics
                .get(topic)
                .into_iter()
                .flat_map(|t| t.partitions.keys());
            for number in numbers {
                let partition = (topic.to_owned(), *number);
                if !assigned.contains(&partition) {
                    return (
                        Some(false),
                        format!("nobody in {id} reads {}", named(&partition)),
                    );
                }
            }
        }
    }
    (Some(true), String::new())
}

fn keeps_up(view: &View) -> Holds {
    let behind = view.groups.iter().map(|(id, group)| (id, view.lag(group)));
    match behind.max_by_key(|(_, lag)| *lag) {
        Some((id, lag)) if lag > LAG_MAX => (Some(false), format!("{id} is {lag} records behind")),
        _ => (Some(true), String::new()),
    }
}

fn figures(view: &View) -> Value {
    let figure = |order: u32, label: &str, unit: &str, value: f64| json!({"order": order, "label": label, "unit": unit, "value": value});
    let lag: i64 = view.groups.values().map(|group| view.lag(group)).sum();
    let generation = view
        .groups
        .keys()
        .map(|id| view.generation(id).unwrap_or(0));
    let parts = view
        .topics
        .values()
        .flat_map(|topic| topic.partitions.values());
    let segments = parts.flat_map(|part| &part.segments);
    let bytes: u64 = segments.map(|segment| segment.bytes).sum();
    let again: u64 = view.producers.values().map(|producer| producer.again).sum();
    let round = |value: f64| (value * 10.0).round() / 10.0;
    json!({
        "written": figure(1, "Written", "records/s", round(view.written_per_second)),
        "read": figure(2, "Read", "records/s", round(view.read_per_second)),
        "lag": figure(3, "Lag", "records", lag as f64),
        "generation": figure(4, "Generations", "", f64::from(generation.max().unwrap_or(0))),
        "bytes": figure(5, "Logs", "KiB", round(bytes as f64 / 1024.0)),
        "again": figure(6, "Sent again", "requests", again as f64),
    })
}
