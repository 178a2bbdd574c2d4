//! What happened, line by line: one JSON object for each thing, in order. Simulated runs and the lab's real ones are told in the
//! same words, so that one page shows both.
//!
//! Version 2; the book's page "Traces" describes it for who reads one in another language. Every line has `time` and `kind`; see
//! [`What`] for what else each kind has. Nodes are numbers. The first line is a `begin`, which names the version. Kinds and
//! members may be added within a version: who reads a trace skips what it does not know ([`parse`]). Version 1 had no `state`, no
//! `event`, no labels, and only virtual time.

use std::cell::{Ref, RefCell};
use std::fmt::Write;
use std::rc::Rc;

use node::{NodeId, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::{Fault, id};

mod parse;

pub use parse::{TraceError, parse};

/// The version of the format, in the trace's first line.
pub const TRACE_VERSION: u32 = 2;

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, in microseconds since the first line, by the trace's clock.
    pub time: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What `time` counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// A simulator's time.
    #[default]
    Virtual,
    /// Everybody's.
    Wall,
}

/// What sort of thing an [`What::Event`] is; the page colours it, and writes it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A scene tells what it is about to do.
    Story,
    /// Somebody did something, by a button or by a scene.
    Action,
    /// Something changed that is neither good nor bad.
    Change,
    /// Something is as it should be again.
    Good,
    /// Something is not as it should be.
    Bad,
}

/// What a line tells. `text` is the message or timer as its `Debug` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The first line.
    Begin {
        /// [`TRACE_VERSION`].
        version: u32,
        /// Whose state documents there are, which picks the page's drawing: `hdfs`. Empty: there are none, only nodes and messages.
        #[serde(default)]
        system: String,
        /// What is simulated, or shown.
        scenario: String,
        /// The seed, in hexadecimal: JSON's numbers do not hold 64 bits everywhere. Empty for a run of real processes.
        seed: String,
        /// What `time` counts.
        #[serde(default)]
        clock: Clock,
        /// When `time` is zero, in milliseconds since the epoch, where the clock is everybody's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch_ms: Option<u64>,
    },
    /// A node came up.
    Start {
        /// Which.
        #[serde(with = "id")]
        node: NodeId,
        /// What it is called.
        name: String,
        /// Counts its lives from 1.
        life: u32,
    },
    /// A node went down.
    Crash {
        /// Which.
        #[serde(with = "id")]
        node: NodeId,
        /// Where in its work.
        text: String,
    },
    /// A message left.
    Send {
        /// Who sent it.
        #[serde(with = "id")]
        from: NodeId,
        /// To whom.
        #[serde(with = "id")]
        to: NodeId,
        /// Names the message in this trace.
        message: u64,
        /// The message.
        text: String,
        /// The sort of message in a word or two, `heartbeat`, by which they are coloured, folded and left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    /// A message arrived, and the receiver handled it.
    Deliver {
        /// Who sent it.
        #[serde(with = "id")]
        from: NodeId,
        /// To whom.
        #[serde(with = "id")]
        to: NodeId,
        /// As in its `send`.
        message: u64,
    },
    /// A message did not arrive.
    Lose {
        /// Who sent it.
        #[serde(with = "id")]
        from: NodeId,
        /// To whom.
        #[serde(with = "id")]
        to: NodeId,
        /// As in its `send`.
        message: u64,
        /// Why: `drop`, `cut`, `down`.
        text: String,
    },
    /// A timer ran out.
    Timer {
        /// Whose.
        #[serde(with = "id")]
        node: NodeId,
        /// The timer.
        text: String,
    },
    /// A node asked for a sync.
    Sync {
        /// Which.
        #[serde(with = "id")]
        node: NodeId,
        /// Counts the syncs of its life from 1.
        sync: u64,
    },
    /// That sync, and all before it, are durable.
    Synced {
        /// Whose.
        #[serde(with = "id")]
        node: NodeId,
        /// As in its `sync`.
        sync: u64,
    },
    /// Something was broken, or mended.
    Fault {
        /// What; the same words as in a schedule.
        #[serde(flatten)]
        fault: Fault,
    },
    /// The faults are over: everything was healed and restarted, and progress is demanded.
    Calm,
    /// The state document has changed: it is `{}` at first, and each patch is applied to it. [`Document`](crate::Document) has
    /// the members that every system has.
    State {
        /// A JSON merge patch ([RFC 7396](https://www.rfc-editor.org/rfc/rfc7396)).
        patch: Value,
    },
    /// An entry of the lab's journal.
    Event {
        /// What sort.
        level: Level,
        /// The node that it is about, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_id")]
        node: Option<NodeId>,
        /// A sentence, without its full stop.
        text: String,
        /// What one would type in a shell to the same effect.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<String>,
    },
    /// Something that a scenario found worth saying.
    Note {
        /// What.
        text: String,
    },
    /// An invariant does not hold. The last line of a trace.
    Violation {
        /// Which.
        invariant: String,
        /// In which way.
        text: String,
    },
    /// All went well. The last line of a trace.
    End,
}

/// A node id that may be absent.
mod optional_id {
    use node::NodeId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(id: &Option<NodeId>, s: S) -> Result<S::Ok, S::Error> {
        id.map(|id| id.0).serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<NodeId>, D::Error> {
        Ok(Option::deserialize(d)?.map(NodeId))
    }
}

/// Where records go: a list shared by all its clones, or nowhere.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    records: Option<Rc<RefCell<Vec<Record>>>>,
}

impl Trace {
    /// One that keeps nothing and costs nothing.
    pub fn off() -> Trace {
        Trace::default()
    }

    /// One that keeps everything.
    pub fn on() -> Trace {
        Trace {
            records: Some(Rc::default()),
        }
    }

    /// Whether what is added is kept.
    pub fn is_on(&self) -> bool {
        self.records.is_some()
    }

    /// Adds a line; `what` is made only if it is kept.
    pub fn add(&self, time: Time, what: impl FnOnce() -> What) {
        if let Some(records) = &self.records {
            records.borrow_mut().push(Record {
                time: time.as_micros(),
                what: what(),
            });
        }
    }

    /// All lines so far; none if the trace is off.
    pub fn records(&self) -> Option<Ref<'_, Vec<Record>>> {
        self.records.as_ref().map(|records| records.borrow())
    }

    /// The trace as JSON lines.
    pub fn to_json_lines(&self) -> String {
        let mut text = String::new();
        for record in self.records().iter().flat_map(|records| records.iter()) {
            // Records hold strings, numbers and string-keyed maps only: nothing that JSON cannot say.
            let line = serde_json::to_string(record).unwrap_or_default();
            let _ = writeln!(text, "{line}");
        }
        text
    }
}

/// FNV-1a, 64 bits: tells two traces apart in one number that can be checked in.
pub fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
