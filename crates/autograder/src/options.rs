//! The command line: libtest's flags where they mean something here, so that cargo, editors and nextest need to know
//! nothing of this harness.

use std::env;
use std::io::{self, IsTerminal};
use std::num::NonZero;
use std::thread;
use std::time::Duration;

use crate::TIME_LIMIT_VARIABLE;

const TIME_LIMIT_DEFAULT: Duration = Duration::from_secs(20);

/// What is done with the tests that are selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Run them, for a person to read.
    Read,
    /// Run them, a line each for a program to read.
    Report,
    /// Run one, between two sayings of a word from the input.
    Grade,
    /// List them.
    List { terse: bool },
}

/// What to run, and how.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    filters: Vec<String>,
    skips: Vec<String>,
    exact: bool,
    /// `--ignored`: only tests marked so, of which there are none.
    only_ignored: bool,
    pub(crate) quiet: bool,
    pub(crate) colour: bool,
    /// How many tests run at the same time.
    pub(crate) threads: usize,
    /// How many more seeds and cases than the fixed ones.
    pub(crate) more_seeds: u32,
    /// What those follow from; drawn anew for each run where it is not given.
    pub(crate) seeds_from: Option<u64>,
    /// The one seed to use, instead of all others.
    pub(crate) seed: Option<u64>,
    /// How long a test may take.
    pub(crate) limit: Duration,
}

impl Options {
    /// Reads the command line, and the environment where it says nothing.
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            mode: Mode::Read,
            filters: Vec::new(),
            skips: Vec::new(),
            exact: false,
            only_ignored: false,
            quiet: false,
            colour: colour_is_wanted(),
            threads: threads_default(),
            more_seeds: 0,
            seeds_from: None,
            seed: None,
            limit: limit()?,
        };
        // Both `--flag value` and `--flag=value`.
        let mut args = args.flat_map(|arg| match arg.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => {
                vec![flag.to_owned(), value.to_owned()]
            }
            _ => vec![arg],
        });
        let mut terse = false;
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            match arg.as_str() {
                "--exact" => options.exact = true,
                "--skip" => options.skips.push(value()?),
                "--list" => options.mode = Mode::List { terse: false },
                "--format" => terse = value()? == "terse",
                "--ignored" => options.only_ignored = true,
                "-q" | "--quiet" => options.quiet = true,
                "--color" => match value()?.as_str() {
                    "always" => options.colour = true,
                    "never" => options.colour = false,
                    _ => {}
                },
                "--test-threads" => options.threads = number::<usize>(&arg, &value()?)?.max(1),
                "--seeds" => options.more_seeds = number(&arg, &value()?)?,
                "--seeds-from" => options.seeds_from = Some(seed(&value()?)?),
                "--seed" => options.seed = Some(seed(&value()?)?),
                "--report" => options.mode = Mode::Report,
                "--grade" => {
                    options.mode = Mode::Grade;
                    options.exact = true;
                    options.filters = vec![value()?];
                }
                // What tests print is never captured.
                "--nocapture" | "--no-capture" | "--show-output" | "--include-ignored" => {}
                "-Z" => drop(value()?),
                flag if flag.starts_with('-') => {
                    return Err(format!(
                        "there is no option {flag}; there are NAME…, --exact, --skip NAME, --list, --test-threads N, --seeds N, --seeds-from S, --seed S, --report, --grade NAME"
                    ));
                }
                _ => options.filters.push(arg),
            }
        }
        if let Mode::List { terse: is_terse } = &mut options.mode {
            *is_terse = terse;
        }
        Ok(options)
    }

    /// Whether a test is to run.
    pub(crate) fn selects(&self, name: &str) -> bool {
        let matches = |filter: &String| {
            if self.exact {
                name == filter
            } else {
                name.contains(filter.as_str())
            }
        };
        !self.only_ignored
            && (self.filters.is_empty() || self.filters.iter().any(matches))
            && !self.skips.iter().any(matches)
    }
}

fn number<N: std::str::FromStr>(flag: &str, value: &str) -> Result<N, String> {
    let wrong = |_| format!("{flag} needs a number, and {value:?} is none");
    value.parse().map_err(wrong)
}

/// `0x5eed` or `24301`.
fn seed(value: &str) -> Result<u64, String> {
    let parsed = match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => value.parse(),
    };
    parsed.map_err(|_| format!("--seed needs a number like 0x5eed, and {value:?} is none"))
}

fn threads_default() -> usize {
    let asked = env::var("RUST_TEST_THREADS").ok();
    let asked = asked.and_then(|value| value.parse().ok());
    asked.unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get))
}

fn limit() -> Result<Duration, String> {
    match env::var(TIME_LIMIT_VARIABLE) {
        Ok(value) => number(TIME_LIMIT_VARIABLE, &value).map(Duration::from_secs),
        Err(_) => Ok(TIME_LIMIT_DEFAULT),
    }
}

/// Only on a terminal that shows it, and not where <https://no-color.org> says no. The old console of Windows shows the
/// codes themselves; its successor sets a variable.
fn colour_is_wanted() -> bool {
    let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let shows = if cfg!(windows) {
        set("WT_SESSION") || set("TERM")
    } else {
        env::var_os("TERM").is_some_and(|term| term != "dumb")
    };
    io::stdout().is_terminal() && shows && !set("NO_COLOR")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn tests_are_selected_as_libtest_does() {
        let options = parse("paths --skip deep").unwrap();
        assert!(options.selects("paths::a_path_is_its_names"));
        assert!(!options.selects("rename::a_file") && !options.selects("paths::depth_and_deep"));
        let options = parse("--exact paths::a --nocapture").unwrap();
        assert!(options.selects("paths::a") && !options.selects("paths::ab"));
        assert!(parse("").unwrap().selects("anything"));
        assert!(
            !parse("--list --ignored --format terse")
                .unwrap()
                .selects("anything")
        );
    }

    #[test]
    fn flags_take_their_value_in_either_way() {
        assert_eq!(parse("--test-threads=3").unwrap().threads, 3);
        assert_eq!(parse("--test-threads 4").unwrap().threads, 4);
        assert_eq!(parse("--seed 0x5eed").unwrap().seed, Some(0x5eed));
        let list = parse("--list --format terse").unwrap().mode;
        assert_eq!(list, Mode::List { terse: true });
        let error = parse("--sedes 3").unwrap_err();
        assert!(
            error.contains("--sedes") && error.contains("--seeds N"),
            "{error}"
        );
        assert!(parse("--seeds").unwrap_err().contains("needs a value"));
        assert!(parse("--seeds many").unwrap_err().contains("\"many\""));
    }
}
