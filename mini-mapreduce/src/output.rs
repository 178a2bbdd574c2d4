//! How the pairs of a task become a file. Which attempt's file becomes the output is not decided here: a task writes below
//! `_temporary/<attempt>/`, and whoever coordinates has one of them renamed to [`part_name`], and [`SUCCESS`] written last.

use std::io::{self, Write};

use crate::counters::Counters;
use crate::job::RecordError;
use crate::program::{Collect, Program};
use crate::pulse::Pulse;
use crate::task::{Progress, TaskError};

/// The file that says that all others are there.
pub const SUCCESS: &str = "_SUCCESS";

/// The directory below the output for what is not committed yet.
pub const TEMPORARY: &str = "_temporary";

/// What a task's file is called: `part-r-00000`, or `part-m-00000` where there are no reduces.
pub fn part_name(is_map: bool, number: u32) -> String {
    let kind = if is_map { 'm' } else { 'r' };
    format!("part-{kind}-{number:05}")
}

/// How pairs become a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// `key TAB value`, a line each: `TextOutputFormat`.
    Text,
    /// Key and value as bytes, with nothing between them: TeraSort's records.
    Plain,
}

/// Writes pairs.
pub(crate) struct RecordWriter<'a> {
    program: &'a dyn Program,
    format: OutputFormat,
    out: &'a mut dyn Write,
    pulse: Pulse<'a>,
    room: Vec<u8>,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) counters: Counters,
}

/// What is kept back before it is written.
const BUFFER_BYTES: usize = 1 << 16;

impl<'a> RecordWriter<'a> {
    pub(crate) fn new(
        program: &'a dyn Program,
        out: &'a mut dyn Write,
        progress: &'a dyn Progress,
    ) -> RecordWriter<'a> {
        RecordWriter {
            program,
            pulse: Pulse::new(progress),
            format: program.output(),
            out,
            room: Vec::with_capacity(2 * BUFFER_BYTES),
            records: 0,
            bytes: 0,
            counters: Counters::default(),
        }
    }

    fn write_out(&mut self) -> io::Result<()> {
        self.out.write_all(&self.room)?;
        self.bytes += self.room.len() as u64;
        self.room.clear();
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> io::Result<()> {
        self.write_out()?;
        self.out.flush()
    }
}

impl Collect for RecordWriter<'_> {
    fn collect(&mut self, key: &[u8], value: &[u8]) -> Result<(), RecordError> {
        self.pulse.beat()?;
        let before = self.room.len();
        let formatted = match self.format {
            OutputFormat::Text => self.program.line((key, value), &mut self.room),
            OutputFormat::Plain => {
                self.room.extend_from_slice(key);
                self.room.extend_from_slice(value);
                Ok(())
            }
        };
        if let Err(error) = formatted {
            self.room.truncate(before);
            return Err(error.into());
        }
        self.records += 1;
        if self.room.len() >= BUFFER_BYTES {
            let written = self.write_out();
            written.map_err(|error| Box::new(TaskError::Output(error)))?;
        }
        Ok(())
    }

    fn count(&mut self, group: &str, name: &str, by: u64) {
        self.counters.add(group, name, by);
    }
}
