//! What was called and answered.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One operation as its client saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation<I, O> {
    /// Who called it. Only pictures need to know.
    pub client: u64,
    /// What was asked for.
    pub input: I,
    /// When it was called, in any unit, by one clock for all clients.
    pub called: u64,
    /// When the answer was there, by the same clock. None: it may take effect at any later time, or never. An answer and a
    /// call at the same time overlap: which was first is not known.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub returned: Option<u64>,
    /// The answer. None: nothing is known of it.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub output: Option<O>,
}

fn none<T>() -> Option<T> {
    None
}

impl<I, O> Operation<I, O> {
    /// The same with what is asked for and answered borrowed.
    pub fn as_refs(&self) -> Operation<&I, &O> {
        Operation {
            client: self.client,
            input: &self.input,
            called: self.called,
            returned: self.returned,
            output: self.output.as_ref(),
        }
    }
}

/// The name of an operation in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OperationId(u64);

/// Operations, recorded as they happen. Its clock counts the calls and answers that it is told of: call [`History::call`] before
/// the request leaves and [`History::returned`] when the answer is there, and what was certainly one after the other is so here.
/// Several clients share one behind a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<I, O> {
    operations: BTreeMap<OperationId, Operation<I, O>>,
    now: u64,
}

impl<I, O> Default for History<I, O> {
    fn default() -> Self {
        History {
            operations: BTreeMap::new(),
            now: 0,
        }
    }
}

impl<I, O> History<I, O> {
    /// An empty history.
    pub fn new() -> Self {
        History::default()
    }

    /// A client is about to send a request.
    pub fn call(&mut self, client: u64, input: I) -> OperationId {
        let called = self.tick();
        let operation = Operation {
            client,
            input,
            called,
            returned: None,
            output: None,
        };
        self.operations.insert(OperationId(called), operation);
        OperationId(called)
    }

    /// The answer is there. What never returns and is never refused counts as unanswered.
    pub fn returned(&mut self, id: OperationId, output: O) {
        let now = self.tick();
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.returned = Some(now);
            operation.output = Some(output);
        }
    }

    /// It is certain that the operation had no effect and never will have one: it was never sent, or the system refused it. A
    /// timeout is not that.
    pub fn refused(&mut self, id: OperationId) {
        self.operations.remove(&id);
    }

    /// All operations, in the order of their calls.
    pub fn operations(&self) -> impl ExactSizeIterator<Item = &Operation<I, O>> {
        self.operations.values()
    }

    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }
}

impl<I, O> FromIterator<Operation<I, O>> for History<I, O> {
    /// A history of operations that were recorded elsewhere, with their times.
    fn from_iter<T: IntoIterator<Item = Operation<I, O>>>(operations: T) -> Self {
        let mut operations: Vec<_> = operations.into_iter().collect();
        operations.sort_by_key(|operation| operation.called);
        let times = operations.iter().flat_map(|o| [Some(o.called), o.returned]);
        let last = times.flatten().max().unwrap_or(0);
        let count = operations.len() as u64;
        History {
            operations: (0..).map(OperationId).zip(operations).collect(),
            // Ids are times of calls; those that come must differ from those given here.
            now: last.max(count),
        }
    }
}

/// Why a history cannot be read.
#[derive(Debug, Error)]
pub enum JsonError {
    /// The source fails.
    #[error("cannot read the history: {0}")]
    Io(#[from] io::Error),
    /// A line is no operation.
    #[error("line {line} of the history is no operation: {source}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An operation returns before it is called.
    #[error("line {line} of the history: answered at {returned}, but called only at {called}")]
    Backwards {
        /// Counted from 1.
        line: usize,
        /// The time of the call.
        called: u64,
        /// The time of the answer.
        returned: u64,
    },
}

impl<I: Serialize, O: Serialize> History<I, O> {
    /// Writes one line of JSON for each operation.
    ///
    /// # Errors
    /// The sink's.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        for operation in self.operations() {
            serde_json::to_writer(&mut *out, operation)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

impl<I: DeserializeOwned, O: DeserializeOwned> History<I, O> {
    /// Reads what [`History::write_json`] has written; blank lines do not matter.
    ///
    /// # Errors
    /// [`JsonError`] at the first line that is none.
    pub fn read_json(input: impl BufRead) -> Result<Self, JsonError> {
        let mut operations = Vec::new();
        for (line, text) in (1..).zip(input.lines()) {
            let text = text?;
            if text.trim().is_empty() {
                continue;
            }
            let operation: Operation<I, O> =
                serde_json::from_str(&text).map_err(|source| JsonError::Line { line, source })?;
            let called = operation.called;
            if let Some(returned) = operation.returned.filter(|returned| *returned < called) {
                return Err(JsonError::Backwards {
                    line,
                    called,
                    returned,
                });
            }
            operations.push(operation);
        }
        Ok(operations.into_iter().collect())
    }
}
