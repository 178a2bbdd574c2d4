//! The pipes of a child: a thread for each, and what stands between them and the task. All of it is bounded.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::process::{ChildStderr, ChildStdin, ChildStdout};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use memchr::{memchr, memrchr};

use super::reporter::Reporter;
use crate::job::RecordError;

/// How much is written before it is noted that something moves.
const PIECE_BYTES: usize = 16 << 10;
/// How much is read at once, and how many such chunks wait for us.
const CHUNK_BYTES: usize = 128 << 10;
const CHUNKS: usize = 4;
/// A longer line is no line.
const LINE_MAX: usize = 256 << 20;

/// Takes a line without its end.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), RecordError>;

/// What stands between a child's threads and the task's.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) changed: Condvar,
}

pub(super) struct State {
    /// What is to be written next.
    pub(super) input: Option<Vec<u8>>,
    /// Nothing will come behind it.
    pub(super) is_last: bool,
    /// The child did not take what was not the last.
    pub(super) is_broken: bool,
    /// Whole lines, and how many bytes of each are filled; the last one's end may lack.
    pub(super) output: VecDeque<(Vec<u8>, usize)>,
    /// Why there is no more output.
    pub(super) ended: Option<io::Result<()>>,
    pub(super) stderr_ended: bool,
    pub(super) reporter: Reporter,
    /// Buffers that can be used again.
    pub(super) spare: Vec<Vec<u8>>,
    /// When anything moved.
    pub(super) moved: Instant,
    /// Nobody wants it any more.
    pub(super) is_abandoned: bool,
}

impl State {
    /// Keeps a buffer, unless a long line has made it large.
    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() <= 2 * CHUNK_BYTES && self.spare.len() < CHUNKS {
            self.spare.push(buffer);
        }
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to move what the pipes hold.
    pub(super) fn start(
        reporter: Reporter,
        (stdin, stdout, stderr): (ChildStdin, ChildStdout, ChildStderr),
    ) -> io::Result<Arc<Shared>> {
        let state = State {
            input: None,
            is_last: false,
            is_broken: false,
            output: VecDeque::new(),
            ended: None,
            stderr_ended: false,
            reporter,
            spare: Vec::new(),
            moved: Instant::now(),
            is_abandoned: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let writing = shared.clone();
        spawn("stdin", move || write_input(&writing, stdin))?;
        let reading = shared.clone();
        spawn("stdout", move || {
            let ended = read_output(&reading, stdout);
            reading.change(|state| state.ended = Some(ended));
        })?;
        let hearing = shared.clone();
        spawn("stderr", move || read_stderr(&hearing, stderr))?;
        Ok(shared)
    }

    /// Changes the state, and has others look at it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.notify_all();
        changed
    }

    /// Waits until `found` finds something; nothing where nobody wants it any more.
    fn wait<T>(&self, mut found: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let mut state = self.state();
        loop {
            if state.is_abandoned {
                return None;
            }
            if let Some(found) = found(&mut state) {
                return Some(found);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(run).map(drop)
}

/// Hands on all lines of a chunk; how many there were.
pub(super) fn deliver(mut chunk: &[u8], sink: Sink<'_>) -> Result<u64, RecordError> {
    let mut lines = 0;
    while !chunk.is_empty() {
        let end = memchr(b'\n', chunk).unwrap_or(chunk.len());
        let line = &chunk[..end];
        sink(line.strip_suffix(b"\r").unwrap_or(line))?;
        chunk = chunk.get(end + 1..).unwrap_or(&[]);
        lines += 1;
    }
    Ok(lines)
}

fn write_input(shared: &Shared, mut stdin: ChildStdin) {
    let next = |state: &mut State| match state.input.take() {
        None => state.is_last.then_some(None),
        batch => Some(batch),
    };
    while let Some(Some(batch)) = shared.wait(next) {
        shared.changed.notify_all();
        for piece in batch.chunks(PIECE_BYTES) {
            if stdin.write_all(piece).is_err() {
                // That the last batch was not wanted is no matter.
                shared.change(|state| state.is_broken = !state.is_last || state.input.is_some());
                return;
            }
            let mut state = shared.state();
            state.moved = Instant::now();
            if state.is_abandoned {
                return;
            }
        }
        shared.change(|state| state.recycle(batch));
    }
}

/// Reads until the output's end, in chunks of whole lines.
fn read_output(shared: &Shared, mut stdout: ChildStdout) -> io::Result<()> {
    let mut buffer = Vec::new();
    let mut filled = 0;
    loop {
        if buffer.len() < filled + CHUNK_BYTES / 2 {
            buffer.resize((2 * filled).max(CHUNK_BYTES), 0);
        }
        let read = match stdout.read(&mut buffer[filled..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let new = &buffer[filled..filled + read];
        let whole = match memrchr(b'\n', new) {
            Some(at) => filled + at + 1,
            // The last line may lack its end.
            None if read == 0 => filled,
            None => 0,
        };
        filled += read;
        shared.state().moved = Instant::now();
        if whole > 0 {
            let room = shared.wait(|state| {
                let has_room = state.output.len() < CHUNKS;
                has_room.then(|| state.spare.pop().unwrap_or_default())
            });
            let Some(mut next) = room else {
                return Ok(());
            };
            let rest = filled - whole;
            if next.len() < rest.max(CHUNK_BYTES) {
                next.resize(rest.max(CHUNK_BYTES), 0);
            }
            next[..rest].copy_from_slice(&buffer[whole..filled]);
            let chunk = std::mem::replace(&mut buffer, next);
            filled = rest;
            shared.change(|state| state.output.push_back((chunk, whole)));
        }
        if read == 0 {
            return Ok(());
        }
        if filled > LINE_MAX {
            return Err(io::Error::other(format!(
                "a line of more than {LINE_MAX} bytes"
            )));
        }
    }
}

/// Reads until the end of the standard error.
fn read_stderr(shared: &Shared, mut stderr: ChildStderr) {
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        match stderr.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(read) if read > 0 => shared.change(|state| {
                state.moved = Instant::now();
                state.reporter.hear(&buffer[..read]);
            }),
            _ => break,
        }
    }
    shared.change(|state| {
        state.reporter.end();
        state.stderr_ended = true;
    });
}
