//! Runs the tests of a submission: each in a process of its own, several at once.
//!
//! A graded binary reads a word from its input before it lets the student's code run, and says it again with the result.
//! Who does not know the word cannot say that a test is ok: no line that his code prints, no exit status.

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tempfile::TempDir;

use super::process::{self, Ended, Limits};
use super::result::{Status, TestResult};

/// As much of a message is shown, in characters.
const MESSAGE_MAX: usize = 2000;
/// Cores simulate small clusters; one that needs more loops.
const MEMORY_BYTES_MAX: u64 = 4 << 30;
const FILE_BYTES_MAX: u64 = 256 << 20;
/// A graded binary ends a test that takes too long itself, and says which; only one that cannot is killed.
const GRACE: Duration = Duration::from_secs(3);
/// A test of real processes starts a cluster and waits for machines that are busy.
const OUTSIDE_TIME_FACTOR: u32 = 6;
/// Tells a test of real processes which program to start, instead of the reference's.
const PROGRAM_VARIABLE: &str = "FAULTLINE_PROGRAM";
/// What tests of real processes are told by the environment of this one: where clients of others are.
const PASSED_ON: [&str; 1] = ["MINI_KAFKA_CLIENTS"];

/// What tests are run with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// For one test.
    pub(crate) time: Duration,
    /// How many more random inputs than the usual ones.
    pub(crate) seeds: u32,
    /// What those follow from, the same for all students.
    pub(crate) seeds_from: u64,
}

/// A test binary, copied to where it may be run.
pub(crate) struct Binary {
    dir: TempDir,
    program: PathBuf,
    /// The student's program, which the tests start: they are the reference's then, and stand outside.
    under_test: Option<PathBuf>,
}

impl Binary {
    /// Copies a binary whose tests and student's code are one process.
    pub(crate) fn graded(built: &Path) -> Result<Binary> {
        let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
        process::make_public(dir.path())?;
        Ok(Binary {
            program: copy(built, &dir.path().join("graded"))?,
            under_test: None,
            dir,
        })
    }

    /// Copies the reference's tests of real processes, and the student's program.
    pub(crate) fn outside(tests: &Path, under_test: &Path) -> Result<Binary> {
        let mut binary = Binary::graded(tests)?;
        binary.under_test = Some(copy(under_test, &binary.dir.path().join("program"))?);
        Ok(binary)
    }

    /// Runs the named tests; the results are in their order.
    ///
    /// # Errors
    /// When a process cannot be started.
    pub(crate) fn run(&self, names: &[String], settings: Settings) -> Result<Vec<TestResult>> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        // A test of real processes starts half a dozen of them.
        let workers = if self.under_test.is_some() {
            cores.div_ceil(2)
        } else {
            cores
        };
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(name) = names.get(index) else {
                    return Ok(done);
                };
                done.push((index, self.run_one(index, name, settings)?));
            }
        };
        let done: Result<Vec<Vec<_>>> = thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let joined = workers
                .into_iter()
                .map(|worker| worker.join().map_err(|_| anyhow!("a thread panicked"))?);
            joined.collect()
        });
        let mut done: Vec<(usize, TestResult)> = done?.into_iter().flatten().collect();
        done.sort_by_key(|(index, _)| *index);
        Ok(done.into_iter().map(|(_, result)| result).collect())
    }

    fn run_one(&self, index: usize, name: &str, settings: Settings) -> Result<TestResult> {
        let scratch = self.dir.path().join(format!("scratch-{index}"));
        process::make_scratch(&scratch)?;
        let (status, ended) = if self.under_test.is_some() {
            let args = ["--exact", name, "--test-threads", "1"];
            let ended =
                self.run_limited(&args, &scratch, "", settings.time * OUTSIDE_TIME_FACTOR)?;
            (outside_status(name, &ended), ended)
        } else {
            let (nonce, seeds) = (nonce(), settings.seeds.to_string());
            let from = format!("{:#x}", settings.seeds_from);
            let args = ["--grade", name, "--seeds", &seeds, "--seeds-from", &from];
            let ended = self.run_limited(&args, &scratch, &format!("{nonce}\n"), settings.time)?;
            (graded_status(name, &nonce, &ended), ended)
        };
        // Nothing in there is looked at; what cannot be removed goes with the directory around it.
        let _ = fs::remove_dir_all(&scratch);
        Ok(TestResult {
            name: name.to_owned(),
            status,
            message: message(status, &ended),
            milliseconds: u64::try_from(ended.took.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn run_limited(
        &self,
        args: &[&str],
        scratch: &Path,
        input: &str,
        time: Duration,
    ) -> Result<Ended> {
        let mut variables = vec![("FAULTLINE_TEST_SECONDS", time.as_secs().max(1).to_string())];
        let program = self.under_test.as_ref();
        variables.extend(
            program.map(|program| (PROGRAM_VARIABLE, program.to_string_lossy().into_owned())),
        );
        if program.is_some() {
            let passed_on = PASSED_ON.iter();
            variables.extend(passed_on.filter_map(|name| Some((*name, std::env::var(name).ok()?))));
        }
        let limits = Limits {
            time: time + GRACE,
            memory_bytes: program.is_none().then_some(MEMORY_BYTES_MAX),
            file_bytes: FILE_BYTES_MAX,
        };
        process::run(&self.program, args, scratch, &variables, input, limits)
    }
}

fn copy(from: &Path, to: &Path) -> Result<PathBuf> {
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    process::make_public(to)?;
    Ok(to.to_owned())
}

/// A number that nobody knows before.
pub(crate) fn random() -> u32 {
    let [a, b, c, d, ..] = RandomState::new().hash_one(0).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// A word that nobody can guess.
fn nonce() -> String {
    let random = || RandomState::new().hash_one(0);
    format!("{:016x}{:016x}", random(), random())
}

/// What a graded binary says of its test. Only its own last word counts, and only if it says the nonce.
fn graded_status(name: &str, nonce: &str, ended: &Ended) -> Status {
    let begin = format!("{nonce}\t{name}\t");
    let said = ended
        .stdout
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(&begin));
    let succeeded = ended.status.is_some_and(|status| status.success());
    match said {
        Some("ok") if succeeded => Status::Ok,
        Some("timeout") => Status::Timeout,
        Some(said) if said.starts_with("todo:") => Status::Todo,
        Some("failed") => Status::Failed,
        _ if ended.status.is_none() => Status::Timeout,
        _ => Status::Crashed,
    }
}

/// What a binary of Rust's own harness says. It is the reference's code alone, so its word can be taken.
fn outside_status(name: &str, ended: &Ended) -> Status {
    let ok = format!("test {name} ... ok");
    match ended.status {
        None => Status::Timeout,
        Some(status) if status.success() && ended.stdout.lines().any(|line| line == ok) => {
            Status::Ok
        }
        Some(_) if stub(&ended.stdout).is_some() => Status::Todo,
        Some(_) => Status::Failed,
    }
}

/// The exercise whose stub a server came to, by the end of its log, which a test quotes.
fn stub(output: &str) -> Option<&str> {
    let (_, after) = output.split_once("not yet implemented: ")?;
    after.split(':').next()
}

/// Why a test is not ok, in the words of its process.
fn message(status: Status, ended: &Ended) -> String {
    if let (Status::Todo, Some(id)) = (status, stub(&ended.stdout)) {
        return readable(&format!("{id} is not written yet"));
    }
    let text = match status {
        Status::Ok => return String::new(),
        Status::Crashed => {
            let how = ended
                .status
                .map(|status| status.to_string())
                .unwrap_or_default();
            format!(
                "its process ended before the test did ({how})\n{}",
                ended.stderr
            )
        }
        Status::Timeout if ended.stderr.trim().is_empty() => {
            "it has not ended within its time".to_owned()
        }
        _ if ended.stderr.trim().is_empty() => ended.stdout.clone(),
        _ => ended.stderr.clone(),
    };
    readable(&text)
}

/// A text without what a terminal would act upon, and not too long.
pub(crate) fn readable(text: &str) -> String {
    let harmless = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    let text: String = text.trim().chars().filter(harmless).collect();
    if text.chars().count() <= MESSAGE_MAX {
        return text;
    }
    let (head, tail) = (MESSAGE_MAX / 4, MESSAGE_MAX * 3 / 4);
    let from = text.chars().count() - tail;
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(from).collect();
    format!("{head}\n[…]\n{tail}")
}

#[cfg(test)]
#[cfg(unix)]
mod unit {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    use super::*;

    fn ended(code: Option<i32>, stdout: &str) -> Ended {
        Ended {
            status: code.map(ExitStatus::from_raw),
            stdout: stdout.to_owned(),
            stderr: String::new(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn only_who_knows_the_nonce_is_believed() {
        let status = |code, stdout: &str| graded_status("a::b", "n0", &ended(code, stdout));
        assert_eq!(status(Some(0), "noise\nn0\ta::b\tok\n"), Status::Ok);
        assert_eq!(
            status(Some(0), "test a::b ... ok\n\ta::b\tok\n"),
            Status::Crashed
        );
        assert_eq!(status(Some(0), "n1\ta::b\tok\n"), Status::Crashed);
        assert_eq!(status(Some(0), "n0\ta::other\tok\n"), Status::Crashed);
        assert_eq!(status(Some(256), "n0\ta::b\tok\n"), Status::Crashed);
        assert_eq!(status(Some(256), "n0\ta::b\tfailed\n"), Status::Failed);
        assert_eq!(status(Some(256), "n0\ta::b\ttodo:x/y\n"), Status::Todo);
        assert_eq!(status(None, "a::b\tok\n"), Status::Timeout);
    }

    #[test]
    fn a_server_that_came_to_a_stub_says_so() {
        let log = "namenode.log ends:\nthread 'main' panicked at a.rs:1:2:\nnot yet implemented: hdfs/replay: take over\n";
        let ended = ended(Some(101 << 8), log);
        let status = outside_status("a::b", &ended);
        assert_eq!(status, Status::Todo);
        assert_eq!(message(status, &ended), "hdfs/replay is not written yet");
    }

    #[test]
    fn no_two_nonces_are_the_same() {
        assert_ne!(nonce(), nonce());
    }

    #[test]
    fn a_message_is_short_and_plain() {
        assert_eq!(readable("\x1b[31mred\x1b[0m\r\n\n"), "[31mred[0m");
        let long = format!("begin{}end", "x".repeat(100_000));
        let short = readable(&long);
        assert!(short.starts_with("begin") && short.ends_with("end") && short.len() < 2100);
    }
}
