//! Traces of `crates/sim`: JSON lines with `time` and `kind`. What a simulated run was is thus drawn and asked like any other log.
//!
//! A process is a node. Its events are its starts and crashes, what it sends and receives, and its timers; `lose`, faults and notes are
//! no events of any process, and syncs are left out. Records of kinds that are not known are skipped, as the format asks for.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json::in_line;
use super::{Kind, Log, ReadError};

/// What is read of a record.
#[derive(Deserialize)]
struct Record {
    time: u64,
    kind: String,
    node: Option<u32>,
    name: Option<String>,
    life: Option<u32>,
    from: Option<u32>,
    to: Option<u32>,
    message: Option<u64>,
    text: Option<String>,
}

/// Adds the events of a trace to a log.
///
/// # Errors
/// The first line that is no record, or lacks what records of its kind have.
pub fn read_into(log: &mut Log, file: &str, text: &str) -> Result<(), ReadError> {
    log.files.push(file.to_owned());
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    let mut messages: BTreeMap<u64, String> = BTreeMap::new();
    for (number, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let error = |what: String| ReadError {
            file: file.to_owned(),
            line: number,
            what,
        };
        let record: Record = serde_json::from_str(text)
            .map_err(|e| error(format!("not a record of a trace: {}", in_line(&e))))?;
        let lacks = |field: &str| {
            error(format!(
                "a record of kind `{}` has a field `{field}`",
                record.kind
            ))
        };
        let node = || record.node.ok_or_else(|| lacks("node"));
        let message = || record.message.ok_or_else(|| lacks("message"));
        let said = record.text.clone().unwrap_or_default();
        let (node, kind, text) = match record.kind.as_str() {
            "start" => {
                let node = node()?;
                names.insert(node, record.name.clone().ok_or_else(|| lacks("name"))?);
                let text = match record.life {
                    None | Some(1) => "starts".to_owned(),
                    Some(life) => format!("starts, life {life}"),
                };
                (node, Kind::Inner, text)
            }
            "crash" => (node()?, Kind::Inner, format!("crashes {said}")),
            "timer" => (node()?, Kind::Inner, format!("timer {said}")),
            "send" => {
                let message = message()?;
                messages.insert(message, said.clone());
                let from = record.from.ok_or_else(|| lacks("from"))?;
                (
                    from,
                    Kind::Send(message.to_string()),
                    format!("sends {said}"),
                )
            }
            "deliver" => {
                let message = message()?;
                let to = record.to.ok_or_else(|| lacks("to"))?;
                let said = messages.get(&message).cloned().unwrap_or_default();
                (
                    to,
                    Kind::Receive(message.to_string()),
                    format!("gets {said}"),
                )
            }
            _ => continue,
        };
        let name = names
            .get(&node)
            .cloned()
            .unwrap_or_else(|| format!("n{node}"));
        let event = log.add(&name, kind);
        event.text = text;
        event.time_us = Some(record.time);
        event.line = number;
    }
    Ok(())
}
