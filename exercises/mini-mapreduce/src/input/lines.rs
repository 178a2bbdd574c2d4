//! Lines of a split: Hadoop's `LineRecordReader`. A split may begin and end in the middle of a line. A line belongs to the
//! split in which its first byte lies: that split's reader reads on behind its own end until the line's, and the next
//! split's reader passes over what it finds of it.

use std::io::{self, Read};

use crate::input::{Files, end_of};
use crate::job::{Record, Split};

/// How many bytes are read at a time.
const READ_BYTES: usize = 1 << 18;

/// Reads lines.
pub struct LineReader {
    input: Box<dyn Read + Send>,
    /// What is read and not handed out stands at `start..filled`.
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    /// Where in the file `start` is.
    position: u64,
    /// No line that begins here, or behind, is ours.
    end: u64,
    line_bytes_max: usize,
}

impl LineReader {
    /// A split's lines.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn open(split: &Split, line_bytes_max: usize, files: &dyn Files) -> io::Result<LineReader> {
        let from = read_from(split.offset);
        let mut lines = LineReader {
            input: files.open(&split.path, from)?,
            buffer: vec![0; READ_BYTES],
            start: 0,
            filled: 0,
            position: from,
            end: end_of(split),
            line_bytes_max,
        };
        if from < split.offset {
            lines.pass_over_line()?;
        }
        Ok(lines)
    }

    /// Passes over all up to the next line's begin. What is passed over may be longer than memory.
    fn pass_over_line(&mut self) -> io::Result<()> {
        loop {
            let found = memchr::memchr(b'\n', &self.buffer[self.start..self.filled]);
            let passed = found.map_or(self.filled - self.start, |at| at + 1);
            self.advance(passed);
            if found.is_some() || !self.fill()? {
                return Ok(());
            }
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.start += bytes;
        self.position += bytes as u64;
    }

    /// Reads on; false at the file's end.
    fn fill(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
        }
        if self.filled == self.buffer.len() {
            self.buffer.resize(2 * self.filled, 0);
        }
        loop {
            match self.input.read(&mut self.buffer[self.filled..]) {
                Ok(read) => {
                    self.filled += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next line without its end, if there is one.
    ///
    /// # Errors
    /// Where the file cannot be read, or a line is longer than is allowed.
    pub fn next_record(&mut self) -> io::Result<Option<Record<'_>>> {
        if !is_ours(self.position, self.end) {
            return Ok(None);
        }
        let (mut searched, mut is_last) = (0, false);
        let end = loop {
            let unread = &self.buffer[self.start..self.filled];
            if let Some(end) = line_end(unread, searched, is_last) {
                break end;
            }
            searched = unread.len();
            if searched > self.line_bytes_max {
                return Err(too_long(self.position, self.line_bytes_max));
            }
            if is_last {
                return Ok(None);
            }
            is_last = !self.fill()?;
        };
        let (start, position) = (self.start, self.position);
        self.advance(end.whole);
        Ok(Some(Record {
            position,
            key: &[],
            value: &self.buffer[start..start + end.text],
        }))
    }

    /// How far it has read, in bytes.
    pub fn position(&self) -> u64 {
        self.position
    }
}

fn too_long(position: u64, max: usize) -> io::Error {
    io::Error::other(format!(
        "the line at byte {position} is longer than {max} bytes; is this text? \
         (mapreduce.input.linerecordreader.line.maxlength allows more)"
    ))
}

/// Where a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineEnd {
    /// How many bytes of text it has.
    pub text: usize,
    /// How many bytes it has with its end: where the next line begins.
    pub whole: usize,
}

/// The end of the line that begins with the first of these bytes. A line ends with LF, and a CR right before that belongs to
/// the end; the last line of a file ends with the file, if there are bytes of it. Nothing where more has to be read, or,
/// of the last bytes of a file, where there is no line any more.
///
/// There is no LF in the first `searched` bytes: they were looked at before more was read.
pub fn line_end(unread: &[u8], searched: usize, is_last: bool) -> Option<LineEnd> {
    let _ = (unread, searched, is_last);
    todo!(
        "mapreduce/splits: find the feed behind what was searched; leave out a CR; mind the last line."
    )
}

/// Where a reader of a split begins to read, to find the first line that is its own. What it reads before the split is
/// passed over up to the first line's end, and nothing else is.
pub fn read_from(offset: u64) -> u64 {
    let _ = offset;
    todo!(
        "mapreduce/splits: one byte before the split, since a line's end there means that a line begins with the split."
    )
}

/// Whether a line that begins at `position` belongs to a split that ends before `end`. The reader hands it out whole then,
/// wherever its own end is, and stops at the first one that is not.
pub fn is_ours(position: u64, end: u64) -> bool {
    let _ = (position, end);
    todo!("mapreduce/splits: a line belongs to the split in which its first byte lies.")
}
