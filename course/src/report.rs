//! Running a binary of graded tests with `--report`, and reading what it says: a line of tab-separated values for each test,
//! its exercise, its name and how it ended. Nothing else is printed, so a student's own output cannot be mistaken for it
//! by accident; against intent, `grade` runs each test in a process of its own.

use std::collections::BTreeMap;
use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    Failed,
    /// It came to the stub of this exercise.
    Todo(String),
    /// It did not end within its time.
    Timeout,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestResult {
    /// The exercise that it grades.
    pub(crate) exercise: String,
    /// With its module: `placement::the_second_replica_is_on_another_rack`.
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
}

/// All that a run reported, in learning order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) tests: Vec<TestResult>,
}

impl Report {
    /// Reads a report. A line that is none is an error, except for the last one of a process that died while writing.
    pub(crate) fn parse(text: &str) -> Result<Report> {
        let mut tests = Vec::new();
        for line in text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'))
        {
            let line = line.trim_end();
            let fields: Vec<&str> = line.split('\t').collect();
            let [exercise, name, verdict] = fields[..] else {
                bail!(
                    "{line:?} is no line of a report: EXERCISE, TEST and RESULT, with tabs between"
                );
            };
            let verdict = match verdict {
                "ok" => Verdict::Ok,
                "failed" => Verdict::Failed,
                "timeout" => Verdict::Timeout,
                other => match other.strip_prefix("todo:") {
                    Some(id) => Verdict::Todo(id.to_owned()),
                    None => bail!(
                        "{line:?} of a report ends in no result: ok, failed, todo:ID or timeout"
                    ),
                },
            };
            tests.push(TestResult {
                exercise: exercise.to_owned(),
                name: name.to_owned(),
                verdict,
            });
        }
        Ok(Report { tests })
    }

    /// How each test ended, by its name.
    pub(crate) fn by_name(&self) -> BTreeMap<&str, &Verdict> {
        (self.tests.iter())
            .map(|test| (test.name.as_str(), &test.verdict))
            .collect()
    }
}

/// Runs a binary of graded tests with `--report`, and kills it after `limit`: what it has reported by then is returned, so a
/// test that is missing did not pass.
///
/// # Errors
/// When it cannot be run, or says what is no report.
pub(crate) fn run(binary: &mut Command, limit: Duration) -> Result<Report> {
    let mut child = binary
        .arg("--report")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {}", binary.get_program().display()))?;
    let mut stdout = child.stdout.take().context("a process without output")?;
    let (done, is_done) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.read_to_end(&mut text);
        // The receiver is gone only when the time was up before.
        let _ = done.send(());
        read.map(|_| text)
    });
    if is_done.recv_timeout(limit).is_err() {
        child
            .kill()
            .context("cannot end a run of tests whose time is up")?;
    }
    child.wait().context("cannot wait for a run of tests")?;
    let text = reader
        .join()
        .ok()
        .context("the reader of a report panicked")?;
    Report::parse(&String::from_utf8_lossy(&text?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_line_by_line() {
        let text = "hdfs/a\ta::x\tok\nhdfs/a\ta::y\ttodo:hdfs/b\nhdfs/b\tb::z\ttimeout\nhdfs/b\tb::cut\tfai";
        let report = Report::parse(text).unwrap();
        let verdicts: Vec<&Verdict> = report.tests.iter().map(|test| &test.verdict).collect();
        let todo = Verdict::Todo("hdfs/b".to_owned());
        assert_eq!(verdicts, [&Verdict::Ok, &todo, &Verdict::Timeout]);
        assert_eq!(report.by_name()["a::x"], &Verdict::Ok);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let error = Report::parse("running 3 tests\n").unwrap_err().to_string();
        assert!(error.contains("\"running 3 tests\""), "{error}");
        let error = Report::parse("hdfs/a\ta::x\tfine\n")
            .unwrap_err()
            .to_string();
        assert!(error.contains("no result"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_run_that_does_not_end_is_ended() {
        let mut shell = Command::new("sh");
        shell.args(["-c", r"printf 'hdfs/a\ta::x\tok\n'; exec sleep 1000"]);
        let report = run(&mut shell, Duration::from_millis(300)).unwrap();
        assert_eq!(report.tests.len(), 1);
    }
}
