//! Sample files: bytes that look random, the same for the same number each time, at a pace that can be watched.

use std::io::{self, Read};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use node::Rng;

/// Bytes that come no faster than one can watch.
const PIECE_BYTES: u64 = 32 << 10;

/// The contents of a sample file, to read from.
#[derive(Debug)]
pub(crate) struct Sample {
    rng: Rng,
    len: u64,
    given: u64,
    over: Duration,
    begun: Instant,
}

impl Sample {
    /// `len` bytes, which take the time `over` to come.
    pub(crate) fn new(number: u64, len: u64, over: Duration) -> Sample {
        Sample {
            rng: Rng::new(number),
            len,
            given: 0,
            over,
            begun: Instant::now(),
        }
    }
}

impl Read for Sample {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = PIECE_BYTES.min(self.len - self.given);
        let len = into.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        for bytes in into[..len].chunks_mut(8) {
            bytes.copy_from_slice(&self.rng.next_u64().to_le_bytes()[..bytes.len()]);
        }
        self.given += len as u64;
        // Slowness is what is asked for here; nothing waits for it.
        let share = self
            .over
            .mul_f64(self.given as f64 / self.len.max(1) as f64);
        std::thread::sleep((self.begun + share).saturating_duration_since(Instant::now()));
        Ok(len)
    }
}

/// Nothing to read, but not before somebody says so: put between two parts of a file, it holds up the writer there.
#[derive(Debug)]
pub(crate) struct HoldUp(pub(crate) Receiver<()>);

impl Read for HoldUp {
    fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
        // Whoever was to say so may be gone; then nothing is waited for any more.
        let _ = self.0.recv();
        Ok(0)
    }
}
