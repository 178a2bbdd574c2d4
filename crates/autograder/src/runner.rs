//! Runs tests side by side, each on a thread of its own, and waits for none for ever.

use std::collections::BTreeSet;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::options::Options;
use crate::panics::{self, Panic, Record};
use crate::seeds::{self, Pass, Replay};
use crate::{Selected, Suite};

/// How a test ended.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Passed,
    Failed(Failure),
    /// It came to the `todo!()` of an exercise.
    Todo {
        id: String,
        intent: String,
        location: String,
    },
    /// It has not ended within this time.
    TimedOut {
        limit: Duration,
        replay: Option<String>,
    },
}

/// Why a test failed, and how to see it again.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The last panic: what the test says.
    pub(crate) panic: Option<Panic>,
    /// Where the code under test, or the test, first noticed; none where the last panic is the first.
    pub(crate) noticed: Option<String>,
    /// A panic of a thread that the test started.
    pub(crate) elsewhere: Option<Panic>,
    /// The command that repeats it, where random inputs are in play.
    pub(crate) replay: Option<String>,
}

impl Verdict {
    pub(crate) fn is_ok(&self) -> bool {
        matches!(self, Verdict::Passed)
    }

    /// For programs.
    pub(crate) fn status(&self) -> String {
        match self {
            Verdict::Passed => "ok".to_owned(),
            Verdict::Failed(_) => "failed".to_owned(),
            Verdict::Todo { id, .. } => format!("todo:{id}"),
            Verdict::TimedOut { .. } => "timeout".to_owned(),
        }
    }

    /// For people: the lines that say why it failed. None where it passed.
    pub(crate) fn explanation(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        match self {
            Verdict::Passed => {}
            Verdict::Todo {
                id,
                intent,
                location,
            } => {
                lines.push(format!("{id} is not written yet: {intent}"));
                lines.push(format!("at {location}"));
            }
            Verdict::TimedOut { limit, replay } => {
                let seconds = limit.as_secs();
                lines.push(format!(
                    "it has not ended after {seconds} s: is there a loop without an end?"
                ));
                lines.extend(replay.as_ref().map(|command| format!("again: {command}")));
            }
            Verdict::Failed(failure) => failure.explain(&mut lines),
        }
        lines
    }
}

impl Failure {
    fn explain(&self, lines: &mut Vec<String>) {
        for (panic, where_from) in [
            (&self.panic, ""),
            (&self.elsewhere, "in a thread of its own: "),
        ] {
            let Some(panic) = panic else { continue };
            lines.extend(compact(&format!(
                "{where_from}{}",
                panic.message.trim_end()
            )));
            lines.push(format!("at {}", panic.location));
            if let Some(trace) = &panic.backtrace {
                lines.extend(trace.lines().map(str::to_owned));
            }
        }
        lines.extend(
            self.noticed
                .as_ref()
                .map(|at| format!("first noticed at {at}")),
        );
        lines.extend(
            self.replay
                .as_ref()
                .map(|command| format!("again: {command}")),
        );
    }
}

/// The lines of a message; where proptest shows the input that fails, a line for each value, and not one for each of its
/// elements. What it says behind a tab, how many cases it tried before, is left out.
fn compact(message: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut is_input = false;
    for line in message.lines().filter(|line| !line.starts_with('\t')) {
        let goes_on = line.starts_with([' ', ']', '}', ')']);
        match lines.last_mut() {
            Some(last) if is_input && goes_on => {
                let opened = last.ends_with(['[', '(']) || line.starts_with([']', ')']);
                last.push_str(if opened { "" } else { " " });
                last.push_str(line.trim_start());
            }
            _ => lines.push(line.to_owned()),
        }
        is_input |= line.starts_with("minimal failing input:");
    }
    lines
}

/// A test that has begun.
struct Running {
    index: usize,
    record: Record,
    limit: Duration,
    deadline: Instant,
}

/// Whether a test's function returned.
type Ended = (usize, bool);

struct Runner<'a> {
    suite: &'a Suite,
    tests: &'a [Selected],
    options: &'a Options,
    sender: Sender<Ended>,
    receiver: Receiver<Ended>,
    /// Exercises of which a test has not ended: their other tests get less time, since they will likely not end either.
    stuck: BTreeSet<&'static str>,
}

/// Runs all, and hands over each verdict as it comes.
pub(crate) fn run_all(
    suite: &Suite,
    tests: &[Selected],
    options: &Options,
    ended: &mut dyn FnMut(usize, Verdict) -> io::Result<()>,
) -> io::Result<()> {
    panics::install();
    let (sender, receiver) = mpsc::channel();
    let mut runner = Runner {
        suite,
        tests,
        options,
        sender,
        receiver,
        stuck: BTreeSet::new(),
    };
    // Verdicts that a panic of an unknown thread puts in doubt wait for the end.
    let mut verdicts = Vec::new();
    let all: Vec<usize> = (0..tests.len()).collect();
    let mut suspects = BTreeSet::new();
    runner.run(&all, options.threads, &mut |index, verdict| {
        suspects.extend(panics::take_suspects());
        if suspects.contains(&index) {
            verdicts.push((index, verdict));
            return Ok(());
        }
        ended(index, verdict)
    })?;
    for (index, before) in verdicts {
        if matches!(before, Verdict::TimedOut { .. }) {
            ended(index, before)?;
        } else {
            runner.run(&[index], 1, ended)?;
        }
    }
    Ok(())
}

impl Runner<'_> {
    fn run(
        &mut self,
        indices: &[usize],
        threads: usize,
        ended: &mut dyn FnMut(usize, Verdict) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut waiting = indices.iter().copied();
        let mut running: Vec<Running> = Vec::new();
        loop {
            while running.len() < threads
                && let Some(index) = waiting.next()
            {
                running.push(self.start(index)?);
            }
            let Some(deadline) = running.iter().map(|one| one.deadline).min() else {
                return Ok(());
            };
            let patience = deadline.saturating_duration_since(Instant::now());
            if let Ok((index, returned)) = self.receiver.recv_timeout(patience) {
                // One that was given up may end after all: it is not in the list any more.
                if let Some(at) = running.iter().position(|one| one.index == index) {
                    let one = running.swap_remove(at);
                    panics::ended(index);
                    ended(index, self.verdict(&one, returned))?;
                }
                continue;
            }
            let now = Instant::now();
            for one in running.extract_if(.., |one| one.deadline <= now) {
                panics::ended(one.index);
                self.stuck.insert(self.tests[one.index].exercise);
                let replay = self.command(one.index, one.record.notes().replay);
                let limit = one.limit;
                ended(one.index, Verdict::TimedOut { limit, replay })?;
            }
        }
    }

    fn start(&self, index: usize) -> io::Result<Running> {
        let Selected { exercise, test } = self.tests[index];
        let record = Record::default();
        panics::started(index, &record);
        let (sender, passes) = (self.sender.clone(), seeds::passes(self.options));
        let own = record.clone();
        // The name appears where a stack overflows, which ends the whole process.
        let thread = thread::Builder::new().name(test.name.to_owned());
        thread.spawn(move || {
            panics::enter(&own);
            let returned = run_passes(test.run, passes, &own);
            let _ = sender.send((index, returned));
        })?;
        // More seeds take more time: as much again for each fifty.
        let mut limit = self.options.limit * (1 + self.options.more_seeds / 50);
        if self.stuck.contains(exercise) {
            limit /= 4;
        }
        Ok(Running {
            index,
            record,
            limit,
            deadline: Instant::now() + limit,
        })
    }

    fn verdict(&self, one: &Running, returned: bool) -> Verdict {
        let mut notes = one.record.notes();
        if returned && notes.elsewhere.is_none() {
            return Verdict::Passed;
        }
        if let Some(todo) = &notes.todo
            && let Some((id, intent)) = todo.todo()
        {
            return Verdict::Todo {
                id: id.to_owned(),
                intent: intent.to_owned(),
                location: todo.location.clone(),
            };
        }
        // A panic that the test caught and survived says nothing.
        let panic = notes.last.take().filter(|_| !returned);
        let noticed = match (&panic, &notes.before) {
            (Some(last), Some(before)) if last.message.contains(&before.message) => {
                (last.location != before.location).then(|| before.location.clone())
            }
            _ => None,
        };
        Verdict::Failed(Failure {
            panic,
            noticed,
            elsewhere: notes.elsewhere.take(),
            replay: self.command(one.index, notes.replay),
        })
    }

    /// What to type so as to run a test with the same inputs.
    fn command(&self, index: usize, replay: Option<Replay>) -> Option<String> {
        let Suite {
            package, target, ..
        } = self.suite;
        let name = self.tests[index].test.name;
        let seed = match replay? {
            Replay::Name => String::new(),
            Replay::Seed(seed) => format!(" --seed {seed:#x}"),
            Replay::Cases { seed, count } => format!(" --seed {seed:#x} --seeds {count}"),
        };
        Some(format!(
            "cargo test -p {package} --test {target} -- --exact {name}{seed}"
        ))
    }
}

/// Whether the test's function returned, with the fixed inputs and then with others, if it draws any.
fn run_passes(test: fn(), (first, second): (Pass, Option<Pass>), record: &Record) -> bool {
    let run = |pass: Pass| {
        seeds::begin(pass);
        match panic::catch_unwind(AssertUnwindSafe(test)) {
            Ok(()) => true,
            Err(payload) => {
                // Dropping it could panic again.
                mem::forget(payload);
                false
            }
        }
    };
    let draws = || record.notes().draws;
    run(first) && second.is_none_or(|pass| !draws() || run(pass))
}

#[cfg(test)]
mod tests {
    use super::compact;

    #[test]
    fn a_failing_input_takes_a_line_for_each_value() {
        let message = "Test failed: a\n  left: 1.\nminimal failing input: calls = [\n    84,\n    26,\n], seed = 3\n\tsuccesses: 0";
        let expected = [
            "Test failed: a",
            "  left: 1.",
            "minimal failing input: calls = [84, 26,], seed = 3",
        ];
        assert_eq!(compact(message), expected);
    }
}
