//! Reads a log of any of the three formats.

use super::{Log, ReadError, json, shiviz, trace};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// See [`json`].
    Json,
    /// See [`trace`].
    Trace,
    /// See [`shiviz`].
    Shiviz,
}

/// What a text seems to be, by its first line that is not blank: a JSON object with `kind` is a trace's, another one ours.
pub fn guess(text: &str) -> Format {
    let first = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    if !first.trim_start().starts_with('{') {
        return Format::Shiviz;
    }
    match serde_json::from_str::<serde_json::Value>(first) {
        Ok(line) if line.get("kind").is_some() => Format::Trace,
        _ => Format::Json,
    }
}

/// Reads files, each with its name, into one log. `format` is that of all; without it each is guessed. `expression` is ShiViz's.
///
/// # Errors
/// The first line that cannot be read.
pub fn read(
    files: &[(String, String)],
    format: Option<Format>,
    expression: Option<&str>,
) -> Result<Log, ReadError> {
    let mut log = Log::default();
    let mut traces = 0;
    for (file, text) in files {
        let format = format
            .or(expression.map(|_| Format::Shiviz))
            .unwrap_or_else(|| guess(text));
        match format {
            Format::Json => json::read_into(&mut log, file, text)?,
            Format::Shiviz => {
                shiviz::read_into(&mut log, file, text, expression.unwrap_or(shiviz::DEFAULT))?;
            }
            Format::Trace => {
                traces += 1;
                trace::read_into(&mut log, file, text)?;
            }
        }
        if traces > 1 {
            return Err(ReadError {
                file: file.clone(),
                line: 0,
                what: "a second trace: each is a run of its own, whose messages have the same numbers; give one at a time".to_owned(),
            });
        }
    }
    Ok(log)
}
