//! Our own schema: an event a line, as JSON. Lines of one process stand in its order; blank lines do not matter.
//!
//! ```json
//! {"process":"ada","event":"asks","send":"m1"}
//! {"process":"bob","event":"hears it","receive":"m1","clock":{"ada":1,"bob":1},"time":1200}
//! ```
//!
//! | field | | |
//! | --- | --- | --- |
//! | `process` | the name of a process | always |
//! | `event` | what happened, for people | may be missing |
//! | `send`, `receive` | a message's id, text or number | one of them, or none |
//! | `clock` | the vector clock, the event itself counted | may be missing |
//! | `time` | microseconds, by the process's own clock | may be missing |
//!
//! A field of another name is an error: it is more often a slip than meant.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Kind, Log, ReadError};

/// A line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    process: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    send: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receive: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    clock: Option<BTreeMap<String, u64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<u64>,
}

/// As written: the number 7 and the text "7" name the same message.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum MessageId {
    Number(u64),
    Text(String),
}

impl MessageId {
    fn into_text(self) -> String {
        match self {
            MessageId::Number(number) => number.to_string(),
            MessageId::Text(text) => text,
        }
    }
}

/// What is wrong with a line; the parser, which knows of one line only, calls each the first.
pub(super) fn in_line(error: &serde_json::Error) -> String {
    error
        .to_string()
        .replace(" at line 1 column ", " at column ")
}

/// Adds the events of a file to a log.
///
/// # Errors
/// The first line that cannot be read.
pub fn read_into(log: &mut Log, file: &str, text: &str) -> Result<(), ReadError> {
    log.files.push(file.to_owned());
    for (number, text) in (1..).zip(text.lines()) {
        if text.trim().is_empty() {
            continue;
        }
        let error = |what: String| ReadError {
            file: file.to_owned(),
            line: number,
            what,
        };
        let line: Line = serde_json::from_str(text).map_err(|e| {
            error(format!(
                "not an event: {}; a line is like {{\"process\":\"ada\",\"event\":\"asks\",\"send\":\"m1\"}}",
                in_line(&e)
            ))
        })?;
        let kind = match (line.send, line.receive) {
            (None, None) => Kind::Inner,
            (Some(id), None) => Kind::Send(id.into_text()),
            (None, Some(id)) => Kind::Receive(id.into_text()),
            (Some(_), Some(_)) => {
                let what =
                    "an event sends or receives, not both; write two lines, the receipt first";
                return Err(error(what.to_owned()));
            }
        };
        let clock = line.clock.map(|counts| {
            let counts = counts.into_iter();
            counts
                .map(|(name, count)| (log.process(&name), count))
                .collect()
        });
        let event = log.add(&line.process, kind);
        event.text = line.event;
        event.clock = clock;
        event.time_us = line.time;
        event.line = number;
    }
    Ok(())
}

/// The log in this format.
pub fn write(log: &Log) -> String {
    let mut text = String::new();
    for event in &log.events {
        let id = |id: &String| Some(MessageId::Text(id.clone()));
        let (send, receive) = match &event.kind {
            Kind::Inner => (None, None),
            Kind::Send(message) => (id(message), None),
            Kind::Receive(message) => (None, id(message)),
        };
        let clock = event.clock.as_ref().map(|clock| {
            let counts = clock.iter();
            counts
                .map(|(process, count)| (log.name(*process).to_owned(), count))
                .collect()
        });
        let line = Line {
            process: log.name(event.process).to_owned(),
            event: event.text.clone(),
            send,
            receive,
            clock,
            time: event.time_us,
        };
        // Strings, numbers and maps with string keys only: nothing that JSON cannot say.
        let line = serde_json::to_string(&line).unwrap_or_default();
        let _ = writeln!(text, "{line}");
    }
    text
}
