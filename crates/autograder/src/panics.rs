//! What a panic says, kept for the report instead of printed where it happens.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::seeds::Replay;

/// One panic.
#[derive(Clone, Debug)]
pub(crate) struct Panic {
    pub(crate) message: String,
    /// `mini-hdfs/src/client.rs:12`
    pub(crate) location: String,
    /// Only with `RUST_BACKTRACE`.
    pub(crate) backtrace: Option<String>,
}

impl Panic {
    /// The exercise whose `todo!()` this is, and what it is to do. Proptest wraps the message that it caught.
    pub(crate) fn todo(&self) -> Option<(&str, &str)> {
        let message = self.message.strip_prefix("Test failed: ");
        let message = message.unwrap_or(&self.message);
        let (id, intent) = message
            .strip_prefix("not yet implemented: ")?
            .split_once(": ")?;
        let is_id = id.contains('/') && !id.contains(char::is_whitespace);
        is_id.then_some((id, intent.lines().next().unwrap_or_default()))
    }
}

/// What is known of a test while it runs.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The first panic of a `todo!()`.
    pub(crate) todo: Option<Panic>,
    /// The last panic on its own thread, and the one before: proptest's own, and the one that it caught.
    pub(crate) last: Option<Panic>,
    pub(crate) before: Option<Panic>,
    /// A panic on a thread that it started.
    pub(crate) elsewhere: Option<Panic>,
    /// Whether it asked for random inputs.
    pub(crate) draws: bool,
    /// How to have the inputs of this moment again.
    pub(crate) replay: Option<Replay>,
}

/// Notes that the test's threads and the runner share.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(Arc<Mutex<Notes>>);

impl Record {
    pub(crate) fn notes(&self) -> MutexGuard<'_, Notes> {
        lock(&self.0)
    }

    fn add(&self, found: Panic, is_own: bool) {
        let mut notes = self.notes();
        if notes.todo.is_none() && found.todo().is_some() {
            notes.todo = Some(found.clone());
        }
        if is_own {
            notes.before = notes.last.replace(found);
        } else {
            notes.elsewhere.get_or_insert(found);
        }
    }
}

/// Locks, whoever panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// The test that this thread runs.
    static CURRENT: RefCell<Option<Record>> = const { RefCell::new(None) };
}

/// The tests that run now, by their number.
static RUNNING: Mutex<Vec<(usize, Record)>> = Mutex::new(Vec::new());

/// Tests that may have started a thread which panicked while several of them ran.
static SUSPECTS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// From now on panics are noted and not printed.
pub(crate) fn install() {
    panic::set_hook(Box::new(note));
}

/// The runner tells that a test begins.
pub(crate) fn started(index: usize, record: &Record) {
    lock(&RUNNING).push((index, record.clone()));
}

/// The runner tells that a test has ended or is no longer waited for.
pub(crate) fn ended(index: usize) {
    lock(&RUNNING).retain(|(running, _)| *running != index);
}

/// This thread runs the test of `record`.
pub(crate) fn enter(record: &Record) {
    CURRENT.set(Some(record.clone()));
}

/// The test of this thread has got random inputs, which `replay` gives again; none when it is done with them.
pub(crate) fn drew(replay: Option<Replay>) {
    CURRENT.with_borrow(|current| {
        if let Some(record) = current {
            let mut notes = record.notes();
            notes.draws = true;
            notes.replay = replay;
        }
    });
}

/// The tests to run again, each alone, so as to learn which one's thread panicked.
pub(crate) fn take_suspects() -> Vec<usize> {
    let mut suspects = std::mem::take(&mut *lock(&SUSPECTS));
    suspects.sort_unstable();
    suspects.dedup();
    suspects
}

fn note(info: &PanicHookInfo<'_>) {
    let found = Panic {
        message: message(info.payload()),
        location: info.location().map_or(String::new(), |at| {
            format!("{}:{}", at.file().replace('\\', "/"), at.line())
        }),
        backtrace: backtrace(),
    };
    let own = CURRENT.try_with(|current| current.borrow().clone());
    if let Ok(Some(record)) = own {
        return record.add(found, true);
    }
    // No test's own thread. Threads do not know who started them, but often only one test can have.
    match lock(&RUNNING).as_slice() {
        [(_, record)] => record.add(found, false),
        several => lock(&SUSPECTS).extend(several.iter().map(|(index, _)| *index)),
    }
}

/// The text of a panic's payload.
fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        let name = thread::current().name().unwrap_or("a thread").to_owned();
        format!("{name} panicked with a value that is no text")
    }
}

fn backtrace() -> Option<String> {
    let trace = Backtrace::capture();
    (trace.status() == BacktraceStatus::Captured).then(|| own_frames(&trace.to_string()))
}

/// A line for each frame of a backtrace that is neither of the standard library, nor of a dependency, nor ours.
fn own_frames(trace: &str) -> String {
    let lines: Vec<&str> = trace.lines().map(str::trim).collect();
    let frames = lines.windows(2).filter_map(|pair| {
        let (_, function) = pair[0].split_once(": ")?;
        let place = pair[1].strip_prefix("at ")?.replace('\\', "/");
        let is_rust = place.contains(".rs:");
        let is_foreign = ["/rustc/", "/registry/", "/autograder/"]
            .iter()
            .any(|dir| place.contains(dir));
        (is_rust && !is_foreign && !function.starts_with("autograder::"))
            .then(|| format!("  {function} at {place}"))
    });
    frames.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panic(message: &str) -> Panic {
        Panic {
            message: message.to_owned(),
            location: String::new(),
            backtrace: None,
        }
    }

    #[test]
    fn of_a_backtrace_only_frames_of_tests_and_solutions_are_shown() {
        let trace = "   8: core::panicking::panic_fmt\n             at /rustc/5980/library/core/src/panicking.rs:80:14\n   \
             9: graded::paths::refuses\n             at ./tests/graded/paths.rs:28:13\n  10: __rust_try\n  \
             11: start_thread\n             at ./nptl/pthread_create.c:442:8\n  \
             11: graded::paths::spelling\n             at ./tests/graded/paths.rs:66:9\n  \
             12: autograder::runner::run\n             at /x/crates/autograder/src/runner.rs:1:1\n";
        let expected = "  graded::paths::refuses at ./tests/graded/paths.rs:28:13\n  \
                        graded::paths::spelling at ./tests/graded/paths.rs:66:9";
        assert_eq!(own_frames(trace), expected);
    }

    #[test]
    fn a_todo_names_its_exercise() {
        let todo = "not yet implemented: hdfs/paths: absolute, no empty name";
        let expected = Some(("hdfs/paths", "absolute, no empty name"));
        assert_eq!(panic(todo).todo(), expected);
        let wrapped = format!("Test failed: {todo}.\nminimal failing input: seed = 0");
        assert_eq!(
            panic(&wrapped).todo(),
            Some(("hdfs/paths", "absolute, no empty name."))
        );
        assert_eq!(panic("not yet implemented").todo(), None);
        assert_eq!(panic("not yet implemented: a: b").todo(), None);
        assert_eq!(
            panic("not yet implemented: I said hdfs/paths: b").todo(),
            None
        );
    }
}
