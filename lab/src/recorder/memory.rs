//! What a recorder remembers: the latest lines, and what older ones have folded to.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use node::NodeId;
use serde_json::{Map, Value};
use sim::{Record, What, patch};

/// How much is remembered: of the latest lines, and of older ones that are more than messages and patches.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lines.
    pub lines: usize,
    /// Bytes of lines.
    pub bytes: usize,
    /// Older starts, crashes and events.
    pub kept: usize,
}

impl Default for Limits {
    /// About 64 MiB: several minutes of a thousand messages a second, hours of a cluster that has little to do.
    fn default() -> Limits {
        Limits {
            lines: 300_000,
            bytes: 48 << 20,
            kept: 5_000,
        }
    }
}

/// Lines of a trace, and the number of the line after them.
pub type Lines = (Vec<Arc<str>>, u64);

/// So many messages are told of in a second. A page cannot draw more, and they would push everything else out of the memory.
const MESSAGES_MAX: u64 = 1_000;

/// Messages, told and untold.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// How many have been told of: the last one's number.
    pub(super) told: u64,
    /// The present second, and how many had been told of before it.
    second: u64,
    before: u64,
    /// How many have not been told of since the last that was.
    untold: u64,
}

impl Messages {
    /// Counts a message in this `second`. None: it is not told of. Else how many before it were not.
    pub(super) fn count(&mut self, second: u64) -> Option<u64> {
        if second != self.second {
            (self.second, self.before) = (second, self.told);
        }
        if self.told - self.before >= MESSAGES_MAX {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        Some(std::mem::take(&mut self.untold))
    }
}

/// What is remembered.
#[derive(Debug)]
pub(super) struct Log {
    limits: Limits,
    /// The trace's first line.
    begin: Arc<str>,
    /// Older lines that are more than messages and patches.
    kept: VecDeque<Arc<str>>,
    /// The document before the first of `lines`, and since when it is so.
    base: Value,
    base_time: u64,
    /// The latest lines. The first has the number `first`.
    lines: VecDeque<Arc<str>>,
    first: u64,
    bytes: usize,
    /// The document now.
    pub(super) state: Value,
    /// The numbers of nodes, and which life each is in.
    pub(super) nodes: BTreeMap<String, (NodeId, u32)>,
    pub(super) messages: Messages,
    pub(super) closed: bool,
}

impl Log {
    /// A memory with nothing but the trace's first line.
    pub(super) fn new(begin: &Record, limits: Limits) -> Log {
        Log {
            limits,
            begin: line(begin),
            kept: VecDeque::new(),
            base: Value::Object(Map::new()),
            base_time: 0,
            lines: VecDeque::new(),
            first: 0,
            bytes: 0,
            state: Value::Object(Map::new()),
            nodes: BTreeMap::new(),
            messages: Messages::default(),
            closed: false,
        }
    }

    /// The number of the node `name`; a new one for a new name.
    pub(super) fn node(&mut self, name: &str) -> NodeId {
        if let Some((node, _)) = self.nodes.get(name) {
            return *node;
        }
        let node = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.insert(name.to_owned(), (node, 0));
        node
    }

    pub(super) fn push(&mut self, line: Arc<str>) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > self.limits.lines || self.bytes > self.limits.bytes {
            let Some(old) = self.lines.pop_front() else {
                return;
            };
            self.first += 1;
            self.bytes -= old.len();
            self.fold(old);
        }
    }

    fn fold(&mut self, old: Arc<str>) {
        // What was written here reads back; see the tests.
        let Ok(record) = serde_json::from_str::<Record>(&old) else {
            return;
        };
        self.base_time = record.time;
        match record.what {
            What::State { patch } => patch::apply(&mut self.base, &patch),
            What::Send { .. } | What::Deliver { .. } | What::Lose { .. } => {}
            _ => self.kept.push_back(old),
        }
        while self.kept.len() > self.limits.kept {
            // A node's first start says what it is called, and stays.
            let is_first = |line: &Arc<str>| {
                line.contains("\"kind\":\"start\"") && line.contains("\"life\":1}")
            };
            let Some(oldest) = self.kept.iter().position(|line| !is_first(line)) else {
                return;
            };
            self.kept.remove(oldest);
        }
    }

    pub(super) fn trace(&self) -> Lines {
        let mut lines = vec![self.begin.clone()];
        lines.extend(self.kept.iter().cloned());
        if self.base != Value::Object(Map::new()) {
            let what = What::State {
                patch: self.base.clone(),
            };
            let time = self.base_time;
            lines.push(line(&Record { time, what }));
        }
        lines.extend(self.lines.iter().cloned());
        (lines, self.next())
    }

    fn next(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    /// The lines from number `next` on; the whole trace if some of them are gone.
    pub(super) fn since(&self, next: Option<u64>) -> Lines {
        match next.filter(|next| *next >= self.first) {
            None => self.trace(),
            Some(next) => {
                let gone = usize::try_from(next - self.first).unwrap_or(usize::MAX);
                (self.lines.iter().skip(gone).cloned().collect(), self.next())
            }
        }
    }
}

pub(super) fn line(record: &Record) -> Arc<str> {
    // Records hold strings, numbers and string-keyed maps only: nothing that JSON cannot say.
    serde_json::to_string(record).unwrap_or_default().into()
}
