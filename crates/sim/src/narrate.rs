//! A trace as a person reads it: a line for each thing that happened, with the names of the nodes.

use std::collections::BTreeMap;
use std::fmt::Write;

use node::{NodeId, Time};

use crate::trace::{Record, What};

/// Tells a trace, or a part of it, in lines like `0.012000s  ada → server  Add(3) leaves`. Names are taken from the records of
/// nodes that start; others are called by their number. What never arrives is told where it is lost.
pub fn narrate(records: &[Record]) -> String {
    let mut names: BTreeMap<NodeId, &str> = BTreeMap::new();
    let mut messages: BTreeMap<u64, &str> = BTreeMap::new();
    let mut text = String::new();
    for record in records {
        match &record.what {
            What::Start { node, name, .. } => {
                names.insert(*node, name);
            }
            What::Send { message, text, .. } => {
                messages.insert(*message, text);
            }
            _ => {}
        }
        let told = tell(&record.what, &names, &messages);
        if told.is_empty() {
            continue;
        }
        let time = Time::from_micros(record.time).to_string();
        // Writing into a string does not fail.
        let _ = writeln!(text, "{time:>12}  {told}");
    }
    text
}

fn tell(what: &What, names: &BTreeMap<NodeId, &str>, messages: &BTreeMap<u64, &str>) -> String {
    let name = |id: &NodeId| {
        names
            .get(id)
            .map_or(id.to_string(), |name| (*name).to_owned())
    };
    let said = |id: &u64| messages.get(id).copied().unwrap_or("?");
    match what {
        What::Begin { scenario, seed, .. } => format!("{scenario}, seed {seed}"),
        What::Start { node, life: 1, .. } => format!("{} starts", name(node)),
        What::Start { node, life, .. } => format!("{} starts, for the {life}. time", name(node)),
        What::Crash { node, text } => format!("{} loses its power, {text}", name(node)),
        What::Send { from, to, text, .. } => {
            format!("{} → {}  {text} leaves", name(from), name(to))
        }
        What::Deliver { from, to, message } => {
            format!("{} → {}  {} arrives", name(from), name(to), said(message))
        }
        What::Lose {
            from,
            to,
            message,
            text,
        } => {
            format!(
                "{} → {}  {} is lost ({text})",
                name(from),
                name(to),
                said(message)
            )
        }
        What::Timer { node, text } => format!("{}  timer {text} rings", name(node)),
        What::Sync { node, sync } => format!("{}  asks for sync {sync}", name(node)),
        What::Synced { node, sync } => format!("{}  sync {sync} is durable", name(node)),
        What::Fault { fault } => {
            let fault = serde_json::to_string(fault).unwrap_or_default();
            format!("fault {fault}")
        }
        What::Calm => "everything is mended".to_owned(),
        // It is for the eye; what has led to it is told.
        What::State { .. } => String::new(),
        What::Note { text } | What::Event { text, .. } => text.clone(),
        What::Violation { invariant, text } => format!("{invariant} does not hold: {text}"),
        What::End => "all is well".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_have_their_names_and_messages_their_text() {
        let (from, to, message) = (NodeId(1), NodeId(0), 7);
        let start = |node, name: &str| What::Start {
            node,
            name: name.to_owned(),
            life: 1,
        };
        let whats = [
            start(to, "server"),
            start(from, "ada"),
            What::Send {
                from,
                to,
                message,
                text: "Add(3)".to_owned(),
                label: None,
            },
            What::Deliver { from, to, message },
            What::Sync {
                node: NodeId(5),
                sync: 1,
            },
        ];
        let records: Vec<Record> = (0..)
            .zip(whats)
            .map(|(time, what)| Record { time, what })
            .collect();
        let expected = [
            "   0.000000s  server starts",
            "   0.000001s  ada starts",
            "   0.000002s  ada → server  Add(3) leaves",
            "   0.000003s  ada → server  Add(3) arrives",
            "   0.000004s  n5  asks for sync 1",
        ];
        assert_eq!(narrate(&records).lines().collect::<Vec<_>>(), expected);
    }
}
