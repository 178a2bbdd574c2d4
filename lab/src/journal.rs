//! The journal: what was done to the cluster and what became of it, in the order in which the lab saw it.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::sync::watch;

/// Older events are forgotten.
const EVENTS_MAX: usize = 1000;

/// What sort of thing happened; the page colours it, and writes it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
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

/// One entry of the journal.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    /// Counts from 1.
    pub(crate) seq: u64,
    /// Milliseconds since the epoch.
    pub(crate) at_ms: u64,
    /// What sort.
    pub(crate) kind: Kind,
    /// The node that it is about, if it is about one.
    pub(crate) node: Option<String>,
    /// A sentence, without its full stop.
    pub(crate) text: String,
    /// What one would type in a shell to the same effect.
    pub(crate) command: Option<String>,
}

/// Keeps events, and tells who listens.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    log: watch::Sender<Log>,
}

/// The events that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Log {
    last: u64,
    events: VecDeque<Event>,
    /// Nothing more will come.
    pub(crate) closed: bool,
}

impl Log {
    /// The events after number `seq`.
    pub(crate) fn since(&self, seq: u64) -> Vec<Event> {
        let new = self.events.iter().filter(|event| event.seq > seq);
        new.cloned().collect()
    }
}

impl Journal {
    /// Enters that `text` happened.
    pub(crate) fn enter(&self, kind: Kind, node: Option<&str>, text: impl Into<String>) {
        self.record(kind, node, text.into(), None);
    }

    /// Enters that somebody did what `text` says; `command` would have done it as well.
    pub(crate) fn action(&self, node: Option<&str>, text: impl Into<String>, command: &str) {
        let command = Some(command.to_owned());
        self.record(Kind::Action, node, text.into(), command);
    }

    fn record(&self, kind: Kind, node: Option<&str>, text: String, command: Option<String>) {
        self.log.send_modify(|log| {
            log.last += 1;
            log.events.push_back(Event {
                seq: log.last,
                at_ms: now_ms(),
                kind,
                node: node.map(str::to_owned),
                text,
                command,
            });
            if log.events.len() > EVENTS_MAX {
                log.events.pop_front();
            }
        });
    }

    /// Says that nothing more will come.
    pub(crate) fn close(&self) {
        self.log.send_modify(|log| log.closed = true);
    }

    /// To read the events, and to wait for the next.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Log> {
        self.log.subscribe()
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}
