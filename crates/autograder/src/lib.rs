//! Runs graded tests: in learning order, grouped by exercise, with one line for what is not begun.
//!
//! Rust's own harness is made for programs that mostly work. A student's does not, for weeks: most tests fail because
//! the body that they need is still a `todo!()`, one of them never ends, and what he wants to know is which exercise is
//! next. So a test binary with `harness = false` hands its tests to this crate, and looks like this:
//!
//! ```
//! mod paths {
//!     use autograder::{Test, tests};
//!
//!     pub(crate) const TESTS: &[Test] = tests![a_path_is_absolute, a_path_is_its_names];
//!
//!     fn a_path_is_absolute() {}
//!     fn a_path_is_its_names() {}
//! }
//!
//! autograder::main! {
//!     "hdfs/paths" => paths,
//! }
//! ```
//!
//! A function that is not listed in its module's `TESTS` is dead code, and the compiler says so.
//!
//! What a test may count on: a thread of its own, a time limit ([`TIME_LIMIT_VARIABLE`] changes it), a panic in a thread
//! that it started fails it. Random inputs come from [`property`] and [`seeds`]: always the same ones, and with
//! `--seeds N` as many more; a failure ends with the line that repeats it.
//!
//! Two outputs are for programs: `--report` prints a line a test, `EXERCISE\tTEST\tok|failed|todo:ID|timeout`, in
//! learning order; `--grade TEST` reads a word from its input before the test runs, and says it again together with the
//! result, so that what the graded code prints is told from what the harness says.
//!
//! Left out on purpose: capturing what tests print (it needs an unstable part of the standard library), and benchmarks.

mod options;
mod output;
mod panics;
mod runner;
mod seeds;

use std::env;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::time::Instant;

use options::{Mode, Options};
use output::Printer;
pub use seeds::{Seeds, property, seeds};

/// The environment variable with the seconds that a test may take, for slow machines; 20 where it is not set.
pub const TIME_LIMIT_VARIABLE: &str = "FAULTLINE_TEST_SECONDS";

/// One test: made by [`tests!`].
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// `paths::a_path_is_absolute`: the path of the function below its crate.
    pub name: &'static str,
    /// Panics where it fails.
    pub run: fn(),
}

/// The tests of one module, and the exercise that they grade.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The exercise's id: `hdfs/paths`.
    pub exercise: &'static str,
    /// Its tests, in the order in which a student should meet them.
    pub tests: &'static [Test],
}

/// All tests of a binary: made by [`main!`].
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// The package, as in `cargo test -p mini-hdfs`.
    pub package: &'static str,
    /// The test target, as in `cargo test --test graded`.
    pub target: &'static str,
    /// In learning order. Groups of the same exercise stand together.
    pub groups: &'static [Group],
}

/// A list of test functions of this module, in order.
#[macro_export]
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        &[$($crate::Test {
            name: $crate::below_crate(concat!(module_path!(), "::", stringify!($test))),
            run: $test,
        }),*]
    };
}

/// The `main` of a test binary: exercises in learning order, each with the module whose `TESTS` grade it.
#[macro_export]
macro_rules! main {
    ($($exercise:literal => $module:ident),* $(,)?) => {
        fn main() -> std::process::ExitCode {
            $crate::run(&$crate::Suite {
                package: env!("CARGO_PKG_NAME"),
                target: env!("CARGO_CRATE_NAME"),
                groups: &[$($crate::Group { exercise: $exercise, tests: $module::TESTS }),*],
            })
        }
    };
}

/// A path without its first part, the crate: how a test is called.
#[doc(hidden)]
pub const fn below_crate(path: &str) -> &str {
    let bytes = path.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i] == b':' {
            return path.split_at(i + "::".len()).1;
        }
        i += 1;
    }
    path
}

/// A test with its exercise.
#[derive(Clone, Copy, Debug)]
struct Selected {
    exercise: &'static str,
    test: Test,
}

/// Runs what the command line asks for. 0 where all is well, 101 where a test fails, 2 where the command line is wrong.
pub fn run(suite: &Suite) -> ExitCode {
    // Not locked: a test that prints would wait for the lock for ever.
    let mut out = io::stdout();
    let ended = Options::parse(env::args().skip(1))
        .and_then(|options| run_with(suite, &options, &mut out).map_err(|e| e.to_string()));
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(101),
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether no test failed.
fn run_with(suite: &Suite, options: &Options, out: &mut dyn Write) -> io::Result<bool> {
    let all = suite.groups.iter().flat_map(|group| {
        let exercise = group.exercise;
        let test = move |test: &Test| Selected {
            exercise,
            test: *test,
        };
        group.tests.iter().map(test)
    });
    let (selected, left): (Vec<Selected>, Vec<Selected>) =
        all.partition(|one| options.selects(one.test.name));
    match &options.mode {
        Mode::List { terse } => {
            for one in &selected {
                writeln!(out, "{}: test", one.test.name)?;
            }
            if !terse {
                writeln!(out, "\n{} tests, 0 benchmarks", selected.len())?;
            }
            Ok(true)
        }
        Mode::Report => {
            let mut statuses: Vec<Option<String>> = vec![None; selected.len()];
            let mut printed = 0;
            runner::run_all(suite, &selected, options, &mut |index, verdict| {
                statuses[index] = Some(verdict.status());
                while let Some(Some(status)) = statuses.get(printed) {
                    let one = &selected[printed];
                    writeln!(out, "{}\t{}\t{status}", one.exercise, one.test.name)?;
                    printed += 1;
                }
                out.flush()
            })?;
            Ok(statuses.iter().flatten().all(|status| status == "ok"))
        }
        Mode::Grade => grade(suite, &selected, options, out),
        Mode::Read => {
            let start = Instant::now();
            let mut printer = Printer::new(suite, &selected, options, out);
            printer.begin()?;
            runner::run_all(suite, &selected, options, &mut |index, verdict| {
                printer.ended(index, verdict)
            })?;
            printer.end(left.len(), start.elapsed())
        }
    }
}

/// Runs the one test. Why it fails goes to the error output, for the student's eyes.
fn grade(
    suite: &Suite,
    selected: &[Selected],
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let [one] = selected else {
        return Err(io::Error::other("there is no such test to grade"));
    };
    // A local variable: nothing that the test can reach knows it.
    let mut nonce = String::new();
    io::stdin().lock().read_line(&mut nonce)?;
    let mut is_ok = false;
    runner::run_all(suite, selected, options, &mut |_, verdict| {
        is_ok = verdict.is_ok();
        for line in verdict.explanation() {
            writeln!(io::stderr(), "{line}")?;
        }
        let (nonce, name) = (nonce.trim(), one.test.name);
        writeln!(out, "\n{nonce}\t{name}\t{}", verdict.status())?;
        out.flush()
    })?;
    Ok(is_ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_called_by_its_path_below_the_crate() {
        assert_eq!(below_crate("graded::paths::empty"), "paths::empty");
        assert_eq!(below_crate("alone"), "alone");
        const LISTED: &[Test] = tests![nothing];
        assert_eq!(LISTED[0].name, "tests::nothing");
        (LISTED[0].run)();
    }

    fn nothing() {}
}
