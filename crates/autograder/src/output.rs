//! What a person reads: each test's line, why tests fail, where each exercise stands, and what is next.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use crate::options::Options;
use crate::runner::Verdict;
use crate::{Selected, Suite};

/// Prints as the tests end, in learning order.
pub(crate) struct Printer<'a> {
    suite: &'a Suite,
    tests: &'a [Selected],
    verdicts: Vec<Option<Verdict>>,
    /// The tests before this one have been printed.
    printed: usize,
    quiet: bool,
    colour: bool,
    out: &'a mut dyn Write,
}

/// The codes of <https://en.wikipedia.org/wiki/ANSI_escape_code>.
#[derive(Clone, Copy)]
enum Paint {
    Bold = 1,
    Red = 31,
    Green = 32,
    Yellow = 33,
}

/// How many of an exercise's tests ended in which way.
#[derive(Debug, Default)]
struct Tally<'a> {
    total: usize,
    ok: usize,
    failed: usize,
    /// By the exercise whose `todo!()` they came to.
    todo: BTreeMap<&'a str, usize>,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(
        suite: &'a Suite,
        tests: &'a [Selected],
        options: &Options,
        out: &'a mut dyn Write,
    ) -> Printer<'a> {
        Printer {
            suite,
            tests,
            verdicts: vec![None; tests.len()],
            printed: 0,
            quiet: options.quiet,
            colour: options.colour,
            out,
        }
    }

    fn paint(&self, paint: Paint, text: &str) -> String {
        if self.colour {
            format!("\x1b[{}m{text}\x1b[0m", paint as u8)
        } else {
            text.to_owned()
        }
    }

    pub(crate) fn begin(&mut self) -> io::Result<()> {
        let count = self.tests.len();
        let s = if count == 1 { "" } else { "s" };
        writeln!(self.out, "\nrunning {count} test{s}")
    }

    /// Notes how a test ended, and prints every exercise whose tests and whose predecessors' tests have all ended.
    pub(crate) fn ended(&mut self, index: usize, verdict: Verdict) -> io::Result<()> {
        self.verdicts[index] = Some(verdict);
        while let Some(first) = self.tests.get(self.printed) {
            let rest = &self.tests[self.printed..];
            let count = rest
                .iter()
                .take_while(|one| one.exercise == first.exercise)
                .count();
            let range = self.printed..self.printed + count;
            if self.verdicts[range.clone()].iter().any(Option::is_none) {
                break;
            }
            self.printed = range.end;
            if !self.quiet {
                self.exercise(range)?;
            }
        }
        self.out.flush()
    }

    /// A line for each test of an exercise; those that came to the same `todo!()` share one.
    fn exercise(&mut self, range: std::ops::Range<usize>) -> io::Result<()> {
        let mut todos: Vec<(&str, &str, usize)> = Vec::new();
        let exercise = self.tests[range.start].exercise;
        let mut lines = Vec::new();
        for (one, verdict) in self.tests[range.clone()].iter().zip(&self.verdicts[range]) {
            let result = match verdict {
                Some(Verdict::Passed) => self.paint(Paint::Green, "ok"),
                Some(Verdict::Todo { id, location, .. }) => {
                    match todos.iter_mut().find(|todo| todo.0 == id) {
                        Some(todo) => todo.2 += 1,
                        None => todos.push((id, location, 1)),
                    }
                    continue;
                }
                _ => self.paint(Paint::Red, "FAILED"),
            };
            lines.push(format!("test {} ... {result}", one.test.name));
        }
        for (id, location, count) in todos {
            let tests = if count == 1 { "test" } else { "tests" };
            let line = if id == exercise {
                format!("{exercise} ... to be written ({count} {tests}), at {location}")
            } else {
                format!("{exercise} ... waits for {id} ({count} {tests})")
            };
            lines.push(self.paint(Paint::Yellow, &line));
        }
        for line in lines {
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    /// Prints why tests failed, the table, what is next and the result. Whether none failed.
    pub(crate) fn end(&mut self, filtered: usize, took: Duration) -> io::Result<bool> {
        self.failures()?;
        let tallies = self.tallies();
        let mut lines = Vec::new();
        if tallies.iter().any(|(_, tally)| tally.ok < tally.total) {
            lines = self.table(&tallies);
            lines.extend(self.next(&tallies));
        } else if !tallies.is_empty() {
            let names = match tallies.as_slice() {
                [(exercise, _)] => (*exercise).to_owned(),
                several => format!("{} exercises", several.len()),
            };
            lines.push(format!("\nall green: {names}"));
        }
        let sum = |count: fn(&Tally<'_>) -> usize| tallies.iter().map(|(_, t)| count(t)).sum();
        let (total, ok): (usize, usize) = (sum(|tally| tally.total), sum(|tally| tally.ok));
        let result = if ok == total {
            self.paint(Paint::Green, "ok")
        } else {
            self.paint(Paint::Red, "FAILED")
        };
        for line in lines {
            writeln!(self.out, "{line}")?;
        }
        writeln!(
            self.out,
            "\ntest result: {result}. {ok} passed; {} failed; 0 ignored; 0 measured; {filtered} filtered out; finished in {:.2}s\n",
            total - ok,
            took.as_secs_f64(),
        )?;
        self.out.flush()?;
        Ok(ok == total)
    }

    /// Why tests failed, in learning order.
    fn failures(&mut self) -> io::Result<()> {
        let mut compares = false;
        for (one, verdict) in self.tests.iter().zip(&self.verdicts) {
            let Some(verdict @ (Verdict::Failed(_) | Verdict::TimedOut { .. })) = verdict else {
                continue;
            };
            let name = self.paint(Paint::Bold, one.test.name);
            writeln!(self.out, "\n{}: {name}", self.paint(Paint::Red, "FAILED"))?;
            for line in verdict.explanation() {
                compares |= line.starts_with("  left: ");
                writeln!(self.out, "{}", format!("  {line}").trim_end())?;
            }
        }
        if compares {
            writeln!(self.out, "\nleft is what came, right is what was expected")?;
        }
        Ok(())
    }

    /// The exercises in learning order.
    fn tallies(&self) -> Vec<(&'static str, Tally<'_>)> {
        let mut tallies: Vec<(&'static str, Tally<'_>)> = Vec::new();
        for (one, verdict) in self.tests.iter().zip(&self.verdicts) {
            if tallies.last().is_none_or(|last| last.0 != one.exercise) {
                tallies.push((one.exercise, Tally::default()));
            }
            let Some((_, tally)) = tallies.last_mut() else {
                continue;
            };
            tally.total += 1;
            match verdict {
                Some(Verdict::Passed) => tally.ok += 1,
                Some(Verdict::Todo { id, .. }) => *tally.todo.entry(id).or_default() += 1,
                _ => tally.failed += 1,
            }
        }
        tallies
    }

    fn table(&self, tallies: &[(&'static str, Tally<'_>)]) -> Vec<String> {
        let mut lines = vec![format!("\n{:28}tests green", "exercise")];
        for (exercise, tally) in tallies {
            let (text, paint) = standing(exercise, tally);
            let green = format!("{}/{}", tally.ok, tally.total);
            lines.push(format!(
                "{exercise:28}{green:>11}  {}",
                self.paint(paint, &text)
            ));
        }
        lines
    }

    /// The first exercise that is not done: where to write, what to read.
    fn next(&self, tallies: &[(&'static str, Tally<'_>)]) -> Vec<String> {
        let Some((exercise, tally)) = tallies.iter().find(|(_, tally)| tally.ok < tally.total)
        else {
            return Vec::new();
        };
        let mut lines = vec![format!("\nnext: {}", self.paint(Paint::Bold, exercise))];
        let todo = self.verdicts.iter().find_map(|verdict| match verdict {
            Some(Verdict::Todo {
                id,
                intent,
                location,
            }) if id == exercise => Some((intent, location)),
            _ => None,
        });
        if let Some((intent, location)) = todo.filter(|_| tally.failed == 0) {
            lines.push(format!("  write    {location}: {intent}"));
        }
        lines.push(format!("  read     book/src/{exercise}.md"));
        lines.push(format!("  a hint   cargo course hint {exercise}"));
        let of_exercise = self.tests.iter().find(|one| one.exercise == *exercise);
        let module = of_exercise.and_then(|one| one.test.name.rsplit_once("::"));
        if let Some((module, _)) = module.filter(|_| tallies.len() > 1) {
            lines.push(format!(
                "  run      cargo test -p {} --test {} {module}::",
                self.suite.package, self.suite.target
            ));
        }
        lines
    }
}

/// Where an exercise stands, in a few words.
fn standing(exercise: &str, tally: &Tally<'_>) -> (String, Paint) {
    if tally.ok == tally.total {
        return ("done".to_owned(), Paint::Green);
    }
    if tally.ok + tally.failed == 0 && tally.todo.contains_key(exercise) {
        return ("not begun".to_owned(), Paint::Yellow);
    }
    let mut parts = Vec::new();
    if tally.failed > 0 {
        let verb = if tally.failed == 1 { "fails" } else { "fail" };
        parts.push(format!("{} {verb}", tally.failed));
    }
    for (id, count) in &tally.todo {
        parts.push(if *id != exercise {
            let verb = if *count == 1 { "waits" } else { "wait" };
            format!("{count} {verb} for {id}")
        } else {
            format!("{count} at a todo!()")
        });
    }
    let paint = if tally.failed > 0 {
        Paint::Red
    } else {
        Paint::Yellow
    };
    (parts.join(", "), paint)
}
