//! What reduces: a command, Hadoop's `aggregate`, or nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::child::Child;
use super::pipes::Sink;
use super::{Setup, count};
use crate::job::{JobError, RecordError};
use crate::program::{Collect, RawReducer, RawValues};
use crate::task::TaskError;

/// A reducer or a combiner that is a command. It gets all pairs, a line each, and has to find out itself where a key ends.
pub(super) struct CommandReducer {
    setup: Arc<Setup>,
    /// Of a combiner; it is started anew for each run of sorted pairs.
    combiner: Option<String>,
    child: Option<Child>,
    room: Vec<u8>,
}

impl CommandReducer {
    /// A reducer, which is started also if there will be no pairs.
    pub(super) fn reducer(setup: Arc<Setup>, command: &str) -> Result<CommandReducer, JobError> {
        Ok(CommandReducer {
            combiner: None,
            child: Some(setup.start("reducer", command)?),
            setup,
            room: Vec::new(),
        })
    }

    /// A combiner, which is started when there are pairs.
    pub(super) fn combiner(setup: Arc<Setup>, command: &str) -> CommandReducer {
        CommandReducer {
            setup,
            combiner: Some(command.to_owned()),
            child: None,
            room: Vec::new(),
        }
    }
}

/// Runs `work` with the child, and a sink for its lines.
fn with(
    reducer: &mut CommandReducer,
    out: &mut dyn Collect,
    work: impl FnOnce(&Setup, &mut Child, Sink<'_>) -> Result<(), RecordError>,
) -> Result<(), RecordError> {
    let CommandReducer {
        setup,
        combiner,
        child: Some(child),
        room,
    } = reducer
    else {
        return Ok(());
    };
    let is_combiner = combiner.is_some();
    let sink = &mut |line: &[u8]| {
        if is_combiner {
            return setup.collect_map_output(line, room, out);
        }
        let (key, value) = setup.reduce_output.key_and_value(line);
        out.collect(key, value)
    };
    work(setup, child, sink)
}

impl RawReducer for CommandReducer {
    fn reduce(
        &mut self,
        _: &[u8],
        values: &mut dyn RawValues,
        out: &mut dyn Collect,
    ) -> Result<(), RecordError> {
        if let (Some(command), None) = (&self.combiner, &self.child) {
            let child = self.setup.start("combiner", command);
            self.child = Some(child.map_err(TaskError::Job).map_err(Box::new)?);
        }
        with(self, out, |setup, child, sink| {
            while let Some((key, value)) = values.next()? {
                child.give(&[setup.own_key(key)?, &setup.reduce_input, value], sink)?;
            }
            Ok(())
        })
    }

    fn finish(&mut self, out: &mut dyn Collect) -> Result<(), RecordError> {
        with(self, out, |_, child, sink| child.finish(sink))?;
        if let Some(mut child) = self.child.take() {
            count(&mut child, out);
        }
        Ok(())
    }
}

/// Hands on what it gets: there is no reducer.
pub(super) struct Unchanged(pub(super) Arc<Setup>);

impl RawReducer for Unchanged {
    fn reduce(
        &mut self,
        _: &[u8],
        values: &mut dyn RawValues,
        out: &mut dyn Collect,
    ) -> Result<(), RecordError> {
        while let Some((key, value)) = values.next()? {
            out.collect(self.0.own_key(key)?, value)?;
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut dyn Collect) -> Result<(), RecordError> {
        Ok(())
    }
}

/// `-reducer aggregate`: keys say what becomes of their values, as in `LongValueSum:word`.
pub(super) struct Aggregate(pub(super) Arc<Setup>);

const FUNCTIONS: &str = "LongValueSum, LongValueMax, LongValueMin, DoubleValueSum, StringValueMax, StringValueMin, UniqValueCount";

impl RawReducer for Aggregate {
    fn reduce(
        &mut self,
        key: &[u8],
        values: &mut dyn RawValues,
        out: &mut dyn Collect,
    ) -> Result<(), RecordError> {
        let key = self.0.own_key(key)?.to_vec();
        let colon = memchr::memchr(b':', &key);
        let (function, own) = colon.map_or((&b""[..], &b""[..]), |at| (&key[..at], &key[at + 1..]));
        let value = match function {
            b"LongValueSum" => fold(values, |a: i64, b| a.checked_add(b))?,
            b"LongValueMax" => fold(values, |a: i64, b| Some(a.max(b)))?,
            b"LongValueMin" => fold(values, |a: i64, b| Some(a.min(b)))?,
            b"DoubleValueSum" => fold(values, |a: f64, b| Some(a + b))?,
            b"StringValueMax" => fold(values, |a: String, b| Some(a.max(b)))?,
            b"StringValueMin" => fold(values, |a: String, b| Some(a.min(b)))?,
            b"UniqValueCount" => {
                let mut seen = BTreeSet::new();
                while let Some((_, value)) = values.next()? {
                    if !seen.contains(value) {
                        seen.insert(value.to_vec());
                    }
                }
                seen.len().to_string()
            }
            _ => {
                return Err(RecordError::bad(format!(
                    "-reducer aggregate takes keys FUNCTION:KEY, where FUNCTION is one of {FUNCTIONS}"
                )));
            }
        };
        out.collect(own, value.as_bytes())
    }

    fn finish(&mut self, _: &mut dyn Collect) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Makes one of all values, as text.
fn fold<T: std::str::FromStr + ToString>(
    values: &mut dyn RawValues,
    fold: impl Fn(T, T) -> Option<T>,
) -> Result<String, RecordError> {
    let mut all: Option<T> = None;
    while let Some((_, value)) = values.next()? {
        let text = str::from_utf8(value)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let shown = value.escape_ascii();
        let value = text
            .ok_or_else(|| RecordError::bad(format!("the value {shown} is not what it takes")))?;
        let folded = match all.take() {
            None => Some(value),
            Some(all) => fold(all, value),
        };
        all = Some(folded.ok_or_else(|| RecordError::bad("the sum of its values is too large"))?);
    }
    Ok(all.map_or(String::new(), |all| all.to_string()))
}
