//! Reads a file in a thread of its own, a little ahead of whoever takes the bytes, so that he does not wait for the network while he works, nor the network
//! for him.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, sync_channel};

/// How much is read at once, and how many such pieces may wait to be taken.
const PIECE_BYTES: usize = 256 << 10;
const PIECES: usize = 8;

/// A file that is read ahead. Reading ends soon after it is dropped.
pub(super) struct ReadAhead {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    taken: usize,
}

impl ReadAhead {
    /// Begins to read.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub(super) fn new(mut file: impl Read + Send + 'static) -> io::Result<ReadAhead> {
        let (sender, pieces) = sync_channel(PIECES);
        let read = move || {
            loop {
                let piece = read_piece(&mut file);
                let is_last = piece.as_ref().map_or(true, Vec::is_empty);
                // Where nobody takes it any more, the rest is not wanted either.
                if sender.send(piece).is_err() || is_last {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("read-ahead".to_owned())
            .spawn(read)?;
        Ok(ReadAhead {
            pieces,
            piece: Vec::new(),
            taken: 0,
        })
    }
}

/// As many bytes as a piece has; fewer at the end, and none behind it.
fn read_piece(file: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    file.take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

impl Read for ReadAhead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() {
            // A reader that has ended, well or not, was heard of; behind that there is nothing.
            self.piece = self.pieces.recv().unwrap_or(Ok(Vec::new()))?;
            self.taken = 0;
        }
        let rest = &self.piece[self.taken..];
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails at its end.
    struct Failing(u64);

    impl Read for Failing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::Error::other("the disk is gone"));
            }
            let length = io::repeat(7).take(self.0.min(1000)).read(into)?;
            self.0 -= length as u64;
            Ok(length)
        }
    }

    #[test]
    fn all_bytes_come_in_order_and_then_none() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut file = ReadAhead::new(io::Cursor::new(bytes.clone())).unwrap();
        let mut read = Vec::new();
        file.read_to_end(&mut read).unwrap();
        assert!(read == bytes);
        assert_eq!(file.read(&mut [0; 10]).unwrap(), 0);
    }

    #[test]
    fn an_error_comes_and_no_end() {
        let mut file = ReadAhead::new(Failing(700_000)).unwrap();
        let error = file.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "the disk is gone");
    }
}
