//! A file that is read in many places at once: the columns of a row group stand one behind the other, and a row takes something of each. A file system gives
//! streams from an offset on, so each place has one, which goes on where it was.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::FileSystems;
use crate::input::File;

/// How much is read at once of a place, at least.
const PIECE_BYTES: usize = 256 << 10;

/// A file.
#[derive(Clone)]
pub(super) struct Chunks(Arc<Inner>);

struct Inner {
    files: FileSystems,
    path: String,
    length: u64,
    /// Those that were used last are last.
    places: Mutex<Vec<Place>>,
    /// How many there may be.
    most: usize,
}

/// What was read last of a stream, and the rest of it.
struct Place {
    start: u64,
    piece: Bytes,
    rest: Box<dyn Read + Send>,
}

impl Chunks {
    /// A file of which so many places are read in turn.
    pub(super) fn new(files: &FileSystems, file: &File, most: usize) -> Chunks {
        Chunks(Arc::new(Inner {
            files: files.clone(),
            path: file.path.clone(),
            length: file.length,
            places: Mutex::default(),
            most,
        }))
    }
}

impl Inner {
    /// The place that has what begins at an offset, or comes to it next.
    fn place(&self, offset: u64) -> io::Result<Place> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let has = |place: &Place| {
            let end = place.start + place.piece.len() as u64;
            (place.start..=end).contains(&offset)
        };
        if let Some(at) = places.iter().position(has) {
            return Ok(places.remove(at));
        }
        if places.len() >= self.most {
            places.remove(0);
        }
        Ok(Place {
            start: offset,
            piece: Bytes::new(),
            rest: self.files.stored(&self.path)?.open(&self.path, offset)?,
        })
    }

    fn bytes(&self, offset: u64, length: usize) -> io::Result<Bytes> {
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > self.length) {
            let text = format!(
                "{length} bytes at byte {offset} are asked for, and it has {}",
                self.length
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        let mut place = self.place(offset)?;
        let from = usize::try_from(offset - place.start).map_err(io::Error::other)?;
        let mut bytes = place.piece.slice(from..);
        if bytes.len() < length {
            let missing = length.max(PIECE_BYTES) - bytes.len();
            let mut more = Vec::with_capacity(bytes.len() + missing);
            more.extend_from_slice(&bytes);
            (&mut place.rest)
                .take(missing as u64)
                .read_to_end(&mut more)?;
            if more.len() < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            bytes = more.into();
            (place.start, place.piece) = (offset, bytes.clone());
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.push(place);
        Ok(bytes.slice(..length))
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.length
    }
}

impl ChunkReader for Chunks {
    type T = From;

    fn get_read(&self, start: u64) -> Result<From> {
        Ok(From(self.0.clone(), start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.bytes(start, length).map_err(ParquetError::from)
    }
}

/// A file, from an offset on.
pub(super) struct From(Arc<Inner>, u64);

impl Read for From {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = self.0.length.saturating_sub(self.1);
        let length = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        into[..length].copy_from_slice(&self.0.bytes(self.1, length)?);
        self.1 += length as u64;
        Ok(length)
    }
}
