//! Logs of several processes: what happened before what, and what cannot have happened so.
//!
//! A [`Log`] is what processes have written down: of each its events in order, with the sends and receipts of messages among them, and
//! perhaps a vector clock at each event. That is enough to say which events could have influenced which others, whatever the
//! machines' own clocks said. It is the input of the command line (`vector-clocks check`, `before`, `draw` …).
//!
//! Reading order: [`Log`] and its parts; [`Run`], which is its bare relation "happened before"; [`stamp`], which makes
//! vector clocks of it; [`check`], which finds what is wrong; [`svg`], which draws it. The formats are behind the feature `log`:
//! `json` (lines of our own schema), `trace` (of `crates/sim`) and `shiviz` (of the viewer, Beschastnikh et al.,
//! *Debugging Distributed Systems*, CACM 59(8), 2016).
//!
//! Left out on purpose: logs that do not fit into memory, and clocks that are compressed.

mod check;
#[cfg(feature = "log")]
pub mod json;
#[cfg(feature = "log")]
pub mod read;
mod run;
#[cfg(feature = "log")]
pub mod shiviz;
mod stamp;
pub mod svg;
#[cfg(feature = "log")]
pub mod trace;

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use crate::vector_clock::VectorClock;

pub use check::{Finding, Wrong, check};
pub use run::{Message, Run};
pub use stamp::{concurrent, concurrent_with, count_concurrent, stamp};

/// An event's place in [`Log::events`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub usize);

/// A process's place in [`Log::processes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub usize);

/// What an event does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something inside of the process.
    Inner,
    /// It sends the message of this id; several processes may receive it, or one several times.
    Send(String),
    /// It receives the message of this id.
    Receive(String),
}

/// Something that happened at a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where.
    pub process: ProcessId,
    /// What the log says about it; may be empty.
    pub text: String,
    /// What it does.
    pub kind: Kind,
    /// The vector clock that the log has for it. The event itself is counted.
    pub clock: Option<VectorClock<ProcessId>>,
    /// When, in microseconds by the process's own clock. Nothing follows from it.
    pub time_us: Option<u64>,
    /// Which event of its process it is, counted from 1.
    pub number: usize,
    /// The line of its file that it begins on, counted from 1; 0 if it is of no file.
    pub line: usize,
    /// The place of its file in [`Log::files`].
    pub file: usize,
}

/// What several processes have written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// Names of processes, those too that only clocks mention.
    pub processes: Vec<String>,
    /// Of each process in order. Events of different processes stand in no particular order.
    pub events: Vec<Event>,
    /// Names of files.
    pub files: Vec<String>,
    /// The places of processes, by their names, and how many events each has.
    index: BTreeMap<String, (ProcessId, usize)>,
}

impl Log {
    /// The process of this name, which is added if it is new.
    pub fn process(&mut self, name: &str) -> ProcessId {
        if let Some((process, _)) = self.index.get(name) {
            return *process;
        }
        let process = ProcessId(self.processes.len());
        self.processes.push(name.to_owned());
        self.index.insert(name.to_owned(), (process, 0));
        process
    }

    /// The name of a process; empty if there is none.
    pub fn name(&self, process: ProcessId) -> &str {
        self.processes.get(process.0).map_or("", String::as_str)
    }

    /// Adds an event of `process` without text, clock and time, and returns it for those to be filled in.
    pub fn add(&mut self, process: &str, kind: Kind) -> &mut Event {
        let at = self.events.len();
        let id = self.process(process);
        let number = self.index.get_mut(process).map_or(1, |(_, events)| {
            *events += 1;
            *events
        });
        let event = Event {
            process: id,
            text: String::new(),
            kind,
            clock: None,
            time_us: None,
            number,
            line: 0,
            file: self.files.len().saturating_sub(1),
        };
        self.events.push(event);
        &mut self.events[at]
    }

    /// The ids of all events.
    pub fn ids(&self) -> impl Iterator<Item = EventId> + use<> {
        (0..self.events.len()).map(EventId)
    }

    /// How an event is called: `ada:3` is the third of ada. Empty if there is no such event.
    pub fn label(&self, id: EventId) -> String {
        let event = self.events.get(id.0);
        event.map_or(String::new(), |event| {
            format!("{}:{}", self.name(event.process), event.number)
        })
    }

    /// The event that is called so.
    ///
    /// # Errors
    /// A sentence, if the label has no number, or there is no such process or event.
    pub fn find(&self, label: &str) -> Result<EventId, String> {
        let parts = label.rsplit_once(':');
        let Some((name, number)) =
            parts.and_then(|(name, n)| Some((name, n.parse::<usize>().ok()?)))
        else {
            return Err(format!(
                "`{label}` names no event: write PROCESS:NUMBER, as in `ada:3` for the third event of ada"
            ));
        };
        let of_process = |id: &EventId| self.name(self.events[id.0].process) == name;
        let at = number.checked_sub(1);
        if let Some(id) = at.and_then(|at| self.ids().filter(of_process).nth(at)) {
            return Ok(id);
        }
        Err(match self.ids().filter(of_process).count() {
            0 => format!(
                "there is no process `{name}`; there are: {}",
                self.processes.join(", ")
            ),
            count => format!("{name} has the events 1 to {count}, and none of number {number}"),
        })
    }

    /// Where an event stands, for messages: `FILE:LINE`, or its label if it is of no file.
    pub fn place(&self, id: EventId) -> String {
        let event = self.events.get(id.0).filter(|event| event.line > 0);
        let place = event.and_then(|event| Some((self.files.get(event.file)?, event.line)));
        place.map_or_else(|| self.label(id), |(file, line)| format!("{file}:{line}"))
    }

    /// A clock with the names of processes.
    pub fn show(&self, clock: &VectorClock<ProcessId>) -> String {
        let named = clock
            .iter()
            .map(|(process, count)| (self.name(*process), count));
        named.collect::<VectorClock<&str>>().to_string()
    }
}

/// A line of a log that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ReadError {
    /// The file.
    pub file: String,
    /// The line, counted from 1; 0 if it is about the file as a whole.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}
