//! What happened, line by line: one JSON object for each thing, in order.
//!
//! Version 1. Every line has `time` (microseconds of virtual time) and `kind`; see [`What`] for what
//! else each kind has. Nodes are numbers. The first line is a `begin`, which names the version. Later versions may add
//! kinds and fields: who reads a trace skips what it does not know.

use std::cell::{Ref, RefCell};
use std::fmt::Write;
use std::rc::Rc;

use node::{NodeId, Time};
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, id};

/// The version of the format, in the trace's first line.
pub const TRACE_VERSION: u32 = 1;

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, in microseconds of virtual time.
    pub time: u64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What a line tells. `text` is the message or timer as its `Debug` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// The first line.
    Begin {
        /// [`TRACE_VERSION`].
        version: u32,
        /// What is simulated.
        scenario: String,
        /// The seed, in hexadecimal: JSON's numbers do not hold 64 bits everywhere.
        seed: String,
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
