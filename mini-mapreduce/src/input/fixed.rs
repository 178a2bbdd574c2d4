//! Records of a fixed length: Hadoop's `FixedLengthInputFormat`, and TeraGen's 100 bytes. A record belongs to the split in
//! which its first byte lies.

use std::io::{self, Read};

use crate::input::{Files, end_of};
use crate::job::{Record, Split};

/// How many bytes are read at a time, at least.
const READ_BYTES: usize = 1 << 18;

/// Reads records.
pub struct FixedReader {
    input: Box<dyn Read + Send>,
    length: usize,
    /// Whole records, of which `start..` are not handed out.
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    position: u64,
    end: u64,
}

impl FixedReader {
    /// A split's records.
    ///
    /// # Errors
    /// Where the file cannot be read, or a record would have no bytes.
    pub fn open(split: &Split, length: u32, files: &dyn Files) -> io::Result<FixedReader> {
        if length == 0 {
            return Err(io::Error::other("records of no bytes"));
        }
        let position = split.offset.next_multiple_of(u64::from(length));
        let length = length as usize;
        Ok(FixedReader {
            input: files.open(&split.path, position)?,
            length,
            buffer: vec![0; READ_BYTES.next_multiple_of(length)],
            start: 0,
            filled: 0,
            position,
            end: end_of(split),
        })
    }

    /// The next record, if there is one.
    ///
    /// # Errors
    /// Where the file cannot be read, or ends within a record.
    pub fn next_record(&mut self) -> io::Result<Option<Record<'_>>> {
        if self.position >= self.end {
            return Ok(None);
        }
        if self.filled - self.start < self.length {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.filled -= self.start;
            self.start = 0;
            while self.filled < self.length {
                match self.input.read(&mut self.buffer[self.filled..]) {
                    Ok(0) if self.filled == 0 => return Ok(None),
                    Ok(0) => return Err(self.torn()),
                    Ok(read) => self.filled += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let (start, position) = (self.start, self.position);
        self.start += self.length;
        self.position += self.length as u64;
        Ok(Some(Record {
            position,
            key: &[],
            value: &self.buffer[start..start + self.length],
        }))
    }

    fn torn(&self) -> io::Error {
        let (at, length, filled) = (self.position, self.length, self.filled);
        io::Error::other(format!(
            "the record at byte {at} has {filled} bytes instead of {length}: the file was cut off, or has other records"
        ))
    }

    /// How far it has read, in bytes.
    pub fn position(&self) -> u64 {
        self.position
    }
}
