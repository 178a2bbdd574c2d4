//! A command as a child process that takes lines and gives lines. It may write before it has read, read nothing, flood its standard error or hang, and
//! nobody waits for ever.

use std::io;
use std::process::{Child as Process, Command, Stdio};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Task;
use super::pipes::{Shared, Sink, State, deliver};
use super::reporter::{Reporter, Rules};
use crate::counters::Counters;
use crate::job::RecordError;
use crate::task::TaskError;

/// How much is handed to a child at once: Hadoop's buffer. What is known of a broken pipe depends on it, see [`Child::finish`].
const BATCH_BYTES: usize = 128 << 10;
/// Room for the record that fills it.
const SLACK_BYTES: usize = 4 << 10;
/// How long we wait before we look whether anybody still wants the task.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a child that has closed its output may be asked, in vain, whether it has ended, before it is asked again.
const END_POLL_MAX: Duration = Duration::from_millis(20);
/// How long the standard error of a child that has ended may stay open, held by a process that has left its group.
const STDERR_LINGER: Duration = Duration::from_secs(1);

/// A child process.
pub(super) struct Child {
    /// What it is, for errors: "the mapper `cat`".
    name: String,
    process: Process,
    shared: Arc<Shared>,
    task: Arc<Task>,
    rules: Rules,
    /// What is not handed over yet.
    batch: Vec<u8>,
    /// How many records it was given.
    pub(super) given: u64,
    /// Of a map: the input, and how far in it that was, in bytes.
    pub(super) place: Option<(String, u64)>,
    taken: u64,
    /// It takes no more, and that is no failure.
    is_deaf: bool,
    is_finished: bool,
}

impl Child {
    /// Starts a command.
    ///
    /// # Errors
    /// As the system says it.
    pub(super) fn start(
        name: String,
        mut command: Command,
        task: Arc<Task>,
        rules: Rules,
    ) -> io::Result<Child> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn()?;
        let pipes = (process.stdin.take())
            .zip(process.stdout.take())
            .zip(process.stderr.take())
            .map(|((stdin, stdout), stderr)| (stdin, stdout, stderr))
            .ok_or_else(|| io::Error::other("it has no pipes"));
        let shared =
            match pipes.and_then(|pipes| Shared::start(Reporter::new(rules.clone()), pipes)) {
                Ok(shared) => shared,
                Err(error) => {
                    kill_all(&mut process);
                    // So that no dead process is left.
                    let _ = process.wait();
                    return Err(error);
                }
            };
        Ok(Child {
            name,
            process,
            shared,
            task,
            rules,
            batch: Vec::with_capacity(BATCH_BYTES + SLACK_BYTES),
            given: 0,
            place: None,
            taken: 0,
            is_deaf: false,
            is_finished: false,
        })
    }

    /// Gives it a record of these parts, a line. What it has written meanwhile goes to `sink`.
    ///
    /// # Errors
    /// Where the child has failed, hangs, or takes no more; where nobody wants the task any more; what `sink` says.
    pub(super) fn give(&mut self, parts: &[&[u8]], sink: Sink<'_>) -> Result<(), RecordError> {
        self.given += 1;
        if self.is_deaf || self.is_finished {
            return Ok(());
        }
        for part in parts {
            self.batch.extend_from_slice(part);
        }
        self.batch.push(b'\n');
        if self.batch.len() < BATCH_BYTES {
            return Ok(());
        }
        self.exchange(sink, |state| state.input.is_none() || state.is_broken)?;
        let batch = std::mem::take(&mut self.batch);
        let is_broken = self.shared.change(|state| {
            self.batch = state.spare.pop().unwrap_or_default();
            state.input = Some(batch);
            state.is_broken
        });
        self.batch.clear();
        if is_broken {
            self.is_deaf = self.taken >= self.rules.taken_to_be_deaf;
            if !self.is_deaf {
                return self.finish(sink);
            }
        }
        Ok(())
    }

    /// Closes its standard input, takes what it still writes, and waits for its end.
    ///
    /// As in Hadoop, a child that ends well without having read all has failed, since nobody knows whether it meant to: but only if it left
    /// more than the last batch. (`head -1` as a mapper does well with small input, and fails with large.)
    /// `stream.minRecWrittenToEnableSkip_` says how many lines it has to have written for that to be no failure.
    ///
    /// # Errors
    /// As [`Child::give`].
    pub(super) fn finish(&mut self, sink: Sink<'_>) -> Result<(), RecordError> {
        if self.is_finished {
            return Ok(());
        }
        self.exchange(sink, |state| state.input.is_none() || state.is_broken)?;
        let batch = std::mem::take(&mut self.batch);
        self.shared.change(|state| {
            state.input = (!batch.is_empty()).then_some(batch);
            state.is_last = true;
        });
        self.exchange(sink, |state| state.ended.is_some())?;
        let status = self.wait_for_end()?;
        let mut state = self.shared.state();
        let (is_broken, too_many) = (state.is_broken, state.reporter.too_many());
        if let Some(Err(error)) = state.ended.take() {
            drop(state);
            return Err(self.failed(&format!("gave what cannot be read: {error}")));
        }
        drop(state);
        if !status.success() && self.rules.failure_counts {
            let how = match status.code() {
                Some(code) => format!("exited with code {code}"),
                None => format!("was killed ({status})"),
            };
            return Err(self.failed(&how));
        }
        if let Some(counters) = too_many {
            return Err(self.failed(&counters));
        }
        if is_broken && !self.is_deaf && self.taken < self.rules.taken_to_be_deaf {
            return Err(self.failed(
                "ended without an error before it had read all of its input (broken pipe); it has to read all, or \
                 stream.minRecWrittenToEnableSkip_=0 has to be set",
            ));
        }
        Ok(())
    }

    /// What it has counted, once it is [finished](Child::finish).
    pub(super) fn take_counters(&mut self) -> Counters {
        self.shared.change(|state| state.reporter.take_counters())
    }

    /// Takes output until `is_enough` is so.
    fn exchange(
        &mut self,
        sink: Sink<'_>,
        is_enough: impl Fn(&State) -> bool,
    ) -> Result<(), RecordError> {
        let mut begun = Instant::now();
        loop {
            let mut state = self.shared.state();
            if let Some((chunk, filled)) = state.output.pop_front() {
                drop(state);
                self.shared.changed.notify_all();
                self.taken +=
                    deliver(&chunk[..filled], sink).map_err(|error| self.cannot_keep(error))?;
                self.shared.change(|state| state.recycle(chunk));
                begun = Instant::now();
                self.look(begun)?;
            } else if is_enough(&state) {
                return Ok(());
            } else {
                let waited = self.shared.changed.wait_timeout(state, LOOK_EVERY);
                let moved = waited.unwrap_or_else(PoisonError::into_inner).0.moved;
                self.look(moved.max(begun))?;
            }
        }
    }

    /// Looks whether the task is wanted, and how long nothing has moved.
    fn look(&self, moved: Instant) -> Result<(), RecordError> {
        if self.task.is_cancelled() {
            return Err(Box::new(TaskError::Cancelled).into());
        }
        let quiet = moved.elapsed();
        if quiet < 2 * LOOK_EVERY {
            self.task.alive();
        }
        match self.rules.timeout {
            Some(timeout) if quiet > timeout => Err(self.failed(&format!(
                "has neither read, written nor reported anything for {} s (mapreduce.task.timeout)",
                timeout.as_secs_f64()
            ))),
            _ => Ok(()),
        }
    }

    /// Its output is at an end; waits until it is, too, and until its standard error is. What is left of its process group is killed.
    fn wait_for_end(&mut self) -> Result<std::process::ExitStatus, RecordError> {
        let (begun, mut pause) = (Instant::now(), Duration::from_micros(100));
        loop {
            match has_ended(&mut self.process) {
                Ok(false) => {}
                Ok(true) => break,
                Err(error) => return Err(self.failed(&format!("cannot be waited for: {error}"))),
            }
            thread::sleep(pause);
            pause = (2 * pause).min(END_POLL_MAX);
            let moved = self.shared.state().moved;
            self.look(moved.max(begun))?;
        }
        kill_all(&mut self.process);
        let status = self.process.wait();
        self.is_finished = true;
        let status =
            status.map_err(|error| self.failed(&format!("cannot be waited for: {error}")))?;
        let state = self.shared.state();
        let is_open = |state: &mut State| !state.stderr_ended;
        drop(
            self.shared
                .changed
                .wait_timeout_while(state, STDERR_LINGER, is_open),
        );
        self.shared.change(|state| state.is_abandoned = true);
        Ok(status)
    }

    /// What it wrote could not be kept. That is the child's fault, not the present record's.
    fn cannot_keep(&self, error: RecordError) -> RecordError {
        match error {
            RecordError::Bad(reason) => {
                self.failed(&format!("wrote what cannot be kept: {reason}"))
            }
            other => other,
        }
    }

    fn failed(&self, how: &str) -> RecordError {
        let (name, given) = (&self.name, self.given);
        let place = match &self.place {
            Some((path, position)) => format!(", up to byte {position} of {path}"),
            None => String::new(),
        };
        let last = self.shared.state().reporter.last_words();
        Box::new(TaskError::Command(format!(
            "{name} {how}; it had been given {given} records{place}{last}"
        )))
        .into()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.shared.change(|state| state.is_abandoned = true);
        if !self.is_finished {
            kill_all(&mut self.process);
            // So that no dead process is left; there is nobody to tell what became of it.
            let _ = self.process.wait();
        }
    }
}

#[cfg(unix)]
fn pid(process: &Process) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(process.id()).ok()?)
}

/// Whether it has ended. It stays there to be waited for, so that nobody else gets its number.
#[cfg(unix)]
fn has_ended(process: &mut Process) -> io::Result<bool> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let Some(pid) = pid(process) else {
        return Ok(true);
    };
    let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(pid), how)?.is_some())
}

#[cfg(not(unix))]
fn has_ended(process: &mut Process) -> io::Result<bool> {
    Ok(process.try_wait()?.is_some())
}

/// Kills it, with the processes that it has started. It must not have been waited for.
fn kill_all(process: &mut Process) {
    #[cfg(unix)]
    if let Some(group) = pid(process) {
        // Where that fails there is nobody.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = process.kill();
}
