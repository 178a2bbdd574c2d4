//! Who looks on while a trace is kept, and writes into it what the lab's page draws.

use mini_kafka::partition::Partition;
use serde_json::{Map, Value, json};
use sim::{FigureView, Observer, World};

use crate::cluster::Member;
use crate::wire::{BROKER, GROUP};

/// Sees the broker's partitions and its group, while it is up.
pub(crate) struct Onlooker;

impl Observer<Member> for Onlooker {
    fn system(&self) -> &'static str {
        "kafka"
    }

    fn look(&mut self, world: &World<Member>) -> Value {
        let mut nodes = Map::new();
        for id in world.ids() {
            let name = world.name(id).unwrap_or_default();
            let role = name.trim_end_matches(|c: char| c.is_ascii_digit());
            let waits = world.node(id).and_then(Member::is_waiting);
            nodes.insert(name.to_owned(), json!({"role": role, "facts": waits}));
        }
        let Some(broker) = world.node(BROKER).and_then(Member::broker) else {
            return json!({ "nodes": nodes });
        };
        let partitions: Vec<&Partition> = (0..).map_while(|at| broker.partition(at)).collect();
        let ends = |of: &dyn Fn(&Partition) -> i64| partitions.iter().map(|log| of(log)).sum();
        let figure = |order, label: &str, value: i64| FigureView {
            order,
            label: label.to_owned(),
            unit: "records".to_owned(),
            value: Some(value as f64),
        };
        let group = broker.coordinator().group(GROUP);
        let facts = group.map(|group| {
            let (state, generation) = (group.state, group.generation);
            format!("the group is {state:?}, in generation {generation}")
        });
        nodes.insert(
            "broker".to_owned(),
            json!({"role": "broker", "facts": facts}),
        );
        json!({
            "nodes": nodes,
            "figures": {
                "log-end": figure(1, "log end offsets", ends(&Partition::log_end_offset)),
                "durable": figure(2, "durable", ends(&Partition::durable_end_offset)),
            },
        })
    }
}
