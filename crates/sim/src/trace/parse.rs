//! From JSON lines to records.

use serde::Deserialize;
use thiserror::Error;

use super::{Record, TRACE_VERSION};

/// Every kind of this version: what is none of these comes from a later one, and is skipped; what is one of them must be whole.
const KINDS: &[&str] = &[
    "begin",
    "start",
    "crash",
    "send",
    "deliver",
    "lose",
    "timer",
    "sync",
    "synced",
    "fault",
    "calm",
    "state",
    "event",
    "note",
    "violation",
    "end",
];

/// Why a text is no trace that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TraceError {
    /// There is nothing in it.
    #[error("this is no trace: there is nothing in it")]
    Empty,
    /// It does not begin with a `begin`.
    #[error(
        "this is no trace: a trace is a file of JSON lines, of which the first has the kind \"begin\""
    )]
    NoBegin,
    /// It is of a later version than is known here.
    #[error(
        "this trace is of version {0}, and those up to {TRACE_VERSION} are known here: a newer Faultline can read it"
    )]
    Version(u64),
    /// A line is not as it should be.
    #[error("line {number} of the trace cannot be read: {reason}")]
    Line {
        /// Counts from 1.
        number: usize,
        /// In which way.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Head {
    kind: String,
    version: Option<u64>,
}

/// Reads a trace of any version up to [`TRACE_VERSION`]. Empty lines, and kinds that are not known, are skipped.
///
/// # Errors
/// When it does not begin with a `begin`, is of a later version, or has a line that is not as it should be.
pub fn parse(text: &str) -> Result<Vec<Record>, TraceError> {
    let lines = text.lines().enumerate();
    let mut lines = lines.filter(|(_, line)| !line.trim().is_empty()).peekable();
    let (_, first) = lines.peek().ok_or(TraceError::Empty)?;
    match serde_json::from_str::<Head>(first) {
        Ok(Head { kind, version }) if kind == "begin" => match version {
            Some(version) if version > u64::from(TRACE_VERSION) => {
                return Err(TraceError::Version(version));
            }
            _ => {}
        },
        _ => return Err(TraceError::NoBegin),
    }
    let mut records = Vec::new();
    for (number, line) in lines {
        let wrong = |error: serde_json::Error| TraceError::Line {
            number: number + 1,
            reason: error.to_string(),
        };
        let head: Head = serde_json::from_str(line).map_err(wrong)?;
        if KINDS.contains(&head.kind.as_str()) {
            records.push(serde_json::from_str(line).map_err(wrong)?);
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::NodeId;
    use serde_json::{Value, json};

    use crate::fault::Fault;
    use crate::trace::{Clock, Level, What};

    fn lines(lines: &[&str]) -> String {
        lines.join("\n")
    }

    const BEGIN: &str = r#"{"time":0,"kind":"begin","version":2,"system":"hdfs","scenario":"x","seed":"0x1","clock":"virtual"}"#;

    #[test]
    fn every_kind_of_record_is_read_as_it_was_written() {
        let (node, from, to) = (NodeId(1), NodeId(1), NodeId(2));
        let (text, message, sync) = ("a \"text\"\n".to_owned(), u64::MAX >> 11, 3);
        let whats = vec![
            What::Begin {
                version: TRACE_VERSION,
                system: "hdfs".to_owned(),
                scenario: "x".to_owned(),
                seed: String::new(),
                clock: Clock::Wall,
                epoch_ms: Some(1_700_000_000_000),
            },
            What::Start {
                node,
                name: "dn1".to_owned(),
                life: 1,
            },
            What::Crash {
                node,
                text: text.clone(),
            },
            What::Send {
                from,
                to,
                message,
                text: text.clone(),
                label: Some("heartbeat".to_owned()),
            },
            What::Deliver { from, to, message },
            What::Lose {
                from,
                to,
                message,
                text: "cut".to_owned(),
            },
            What::Timer {
                node,
                text: text.clone(),
            },
            What::Sync { node, sync },
            What::Synced { node, sync },
            What::Fault {
                fault: Fault::Pause { node },
            },
            What::Calm,
            What::State {
                patch: json!({"files": {"/a": null}, "copying": 1.5}),
            },
            What::Event {
                level: Level::Action,
                node: Some(node),
                text: text.clone(),
                command: Some("kill -9 7".to_owned()),
            },
            What::Event {
                level: Level::Good,
                node: None,
                text: text.clone(),
                command: None,
            },
            What::Note { text: text.clone() },
            What::Violation {
                invariant: "x".to_owned(),
                text,
            },
            What::End,
        ];
        let records: Vec<Record> = (0..)
            .zip(whats)
            .map(|(time, what)| Record { time, what })
            .collect();
        let written: Vec<String> = records
            .iter()
            .map(|r| serde_json::to_string(r).unwrap())
            .collect();
        assert_eq!(parse(&written.join("\n")), Ok(records));
        let mut kinds: Vec<String> = Vec::new();
        for line in &written {
            let line: Value = serde_json::from_str(line).unwrap();
            assert!(
                !line.as_object().unwrap().values().any(Value::is_null),
                "{line}"
            );
            kinds.push(line["kind"].as_str().unwrap().to_owned());
        }
        kinds.dedup();
        assert_eq!(
            kinds, KINDS,
            "the test has one of each kind, in their order"
        );
    }

    #[test]
    fn what_later_versions_add_is_skipped() {
        let text = lines(&[
            BEGIN,
            r#"{"time":1,"kind":"eclipse","of":"the sun"}"#,
            "",
            r#"{"time":2,"kind":"note","text":"hello","colour":"green"}"#,
        ]);
        let records = parse(&text).unwrap();
        let note = What::Note {
            text: "hello".to_owned(),
        };
        assert_eq!(records.len(), 2);
        assert_eq!(
            records[1],
            Record {
                time: 2,
                what: note
            }
        );
    }

    #[test]
    fn a_trace_of_version_1_opens() {
        let text = lines(&[
            r#"{"time":0,"kind":"begin","version":1,"scenario":"room","seed":"0x243"}"#,
            r#"{"time":5,"kind":"send","from":1,"to":0,"message":6,"text":"Enter { visit: 1 }"}"#,
        ]);
        let records = parse(&text).unwrap();
        let What::Begin { system, clock, .. } = &records[0].what else {
            panic!("{records:?}");
        };
        assert_eq!((system.as_str(), *clock), ("", Clock::Virtual));
        assert!(matches!(&records[1].what, What::Send { label: None, .. }));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_reason() {
        let later = BEGIN.replace("\"version\":2", "\"version\":3");
        assert_eq!(parse(&later), Err(TraceError::Version(3)));
        assert_eq!(parse(" \n\n"), Err(TraceError::Empty));
        for other in ["hello", "[]", r#"{"time":0,"kind":"end"}"#] {
            assert_eq!(parse(other), Err(TraceError::NoBegin), "{other}");
        }
        for bad in [
            r#"{"time":1}"#,
            "{",
            r#"{"time":1,"kind":"start","node":"dn1"}"#,
        ] {
            let error = parse(&lines(&[BEGIN, "", bad])).unwrap_err();
            assert!(
                matches!(&error, TraceError::Line { number: 3, .. }),
                "{error}"
            );
        }
    }
}
