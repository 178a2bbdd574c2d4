//! Walks over the batches of a segment's file, a piece of it in memory at a time (`FileLogInputStream`).

use node::{Disk, DiskError};

use super::error::LogError;
use crate::record::RecordError;
use crate::record::batch::{BatchHeader, HEADER_BYTES, RecordBatch};

/// How much is read at a time by what reads all.
pub const SCAN_BYTES: usize = 1 << 20;
/// How much is read at a time by what looks for a place not far behind.
pub const SEARCH_BYTES: usize = 8 << 10;

/// Why the walk cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalkError {
    /// The disk refused.
    Disk(DiskError),
    /// Here begins no whole batch.
    Bad(RecordError),
}

/// A place in a segment's file, with the batches before it behind and those after it ahead.
pub struct BatchReader<'d> {
    disk: &'d dyn Disk,
    file: &'d str,
    position: u64,
    end: u64,
    piece_bytes: usize,
    piece: Vec<u8>,
    /// Where in the file the piece begins.
    piece_at: u64,
}

impl<'d> BatchReader<'d> {
    /// A walk over `file` from `position`, where a batch begins, to `end`; it reads `piece_bytes` at a time, or a whole batch.
    pub fn new(
        disk: &'d dyn Disk,
        file: &'d str,
        position: u64,
        end: u64,
        piece_bytes: usize,
    ) -> BatchReader<'d> {
        BatchReader {
            disk,
            file,
            position,
            end,
            piece_bytes,
            piece: Vec::new(),
            piece_at: position,
        }
    }

    /// Where the next batch begins, in bytes.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether the last batch ended where the file does, and not behind.
    pub fn is_at_end(&self) -> bool {
        self.position == self.end
    }

    /// The next batch's position and header; none at the end. Its records are stepped over, and may not be in the file at all.
    ///
    /// # Errors
    /// [`WalkError`]; the place stays where it was.
    pub fn next_header(&mut self) -> Result<Option<(u64, BatchHeader)>, WalkError> {
        if self.position >= self.end {
            return Ok(None);
        }
        self.fill(HEADER_BYTES)?;
        let header = BatchHeader::read(self.ahead()).map_err(WalkError::Bad)?;
        let at = self.position;
        self.position += header.size() as u64;
        Ok(Some((at, header)))
    }

    /// The next batch, whole; none at the end.
    ///
    /// # Errors
    /// [`WalkError`]; the place stays where it was.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch<'_>>, WalkError> {
        if self.position >= self.end {
            return Ok(None);
        }
        self.fill(HEADER_BYTES)?;
        let header = BatchHeader::read(self.ahead()).map_err(WalkError::Bad)?;
        // Before memory is asked for: a flipped bit may make this two gigabytes.
        if self.position + header.size() as u64 > self.end {
            return Err(WalkError::Bad(RecordError::Truncated("a batch")));
        }
        self.fill(header.size())?;
        let skip = self.skip();
        self.position += header.size() as u64;
        RecordBatch::parse(&self.piece[skip..])
            .map(Some)
            .map_err(WalkError::Bad)
    }

    /// Has at least `len` bytes from the position on in the piece, or all that there are.
    fn fill(&mut self, len: usize) -> Result<(), WalkError> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        if self.ahead().len() < len.min(left) {
            let len = len.max(self.piece_bytes).min(left);
            let read = self.disk.read_at(self.file, self.position, len);
            self.piece = read.map_err(WalkError::Disk)?;
            self.piece_at = self.position;
        }
        Ok(())
    }

    fn skip(&self) -> usize {
        usize::try_from(self.position - self.piece_at).unwrap_or(usize::MAX)
    }

    fn ahead(&self) -> &[u8] {
        self.piece.get(self.skip()..).unwrap_or_default()
    }

    /// The error of somebody for whom the file has to be whole.
    pub fn damaged(&self, error: WalkError) -> LogError {
        match error {
            WalkError::Disk(error) => LogError::Disk(error),
            WalkError::Bad(error) => LogError::Damaged {
                file: self.file.to_owned(),
                position: self.position,
                reason: error.to_string(),
            },
        }
    }
}
