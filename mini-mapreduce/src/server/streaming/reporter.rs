//! What a command says on its standard error: reports to us, and the rest, of which the end is kept.

use std::collections::VecDeque;
use std::io::Write;
use std::time::Duration;

use super::wrong;
use crate::counters::Counters;
use crate::job::{JobError, Settings};

/// How many lines of it are kept, and how many bytes of each.
const LINES_KEPT: usize = 20;
const LINE_KEPT: usize = 400;
/// How much of a line is looked at: longer reports are none.
const LINE_MAX: usize = 4096;

/// By which rules a child is dealt with.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// How long it may be silent, if not for ever: `mapreduce.task.timeout`.
    pub(super) timeout: Option<Duration>,
    /// Whether it has failed when it says so: `stream.non.zero.exit.is.failure`.
    pub(super) failure_counts: bool,
    /// How many lines it has to have written before it need not read on: `stream.minRecWrittenToEnableSkip_`.
    pub(super) taken_to_be_deaf: u64,
    /// What a report begins with: `stream.stderr.reporter.prefix`.
    prefix: Vec<u8>,
    /// How many counters a task may have: `mapreduce.job.counters.max`.
    counters_max: usize,
    /// Whether all that is no report is shown.
    is_verbose: bool,
}

impl Rules {
    pub(super) fn of(settings: &Settings, is_verbose: bool) -> Result<Rules, JobError> {
        let timeout: u64 = settings.parse("mapreduce.task.timeout", 600_000)?;
        let prefix = settings.get("stream.stderr.reporter.prefix");
        if prefix == Some("") {
            return Err(wrong("stream.stderr.reporter.prefix is empty"));
        }
        Ok(Rules {
            timeout: (timeout > 0).then(|| Duration::from_millis(timeout)),
            failure_counts: settings.parse("stream.non.zero.exit.is.failure", true)?,
            taken_to_be_deaf: settings.parse("stream.minRecWrittenToEnableSkip_", u64::MAX)?,
            prefix: prefix.unwrap_or("reporter:").as_bytes().to_vec(),
            counters_max: settings.parse("mapreduce.job.counters.max", 120)?,
            is_verbose,
        })
    }
}

/// Hears a standard error, of any length, in memory that is bounded.
pub(super) struct Reporter {
    rules: Rules,
    /// A line that has not ended yet, as far as it is looked at.
    line: Vec<u8>,
    lines: VecDeque<String>,
    /// How many came before those that are kept.
    dropped: u64,
    status: Option<String>,
    counters: Counters,
    refused: Option<String>,
}

impl Reporter {
    pub(super) fn new(rules: Rules) -> Reporter {
        Reporter {
            rules,
            line: Vec::new(),
            lines: VecDeque::new(),
            dropped: 0,
            status: None,
            counters: Counters::default(),
            refused: None,
        }
    }

    /// Takes what comes next.
    pub(super) fn hear(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n").unwrap_or(piece);
            let room = LINE_MAX - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if text.len() < piece.len() {
                self.end();
            }
        }
    }

    /// The line that has begun, if any, is at its end.
    pub(super) fn end(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if !line.is_empty()
            && !line
                .strip_prefix(&*self.rules.prefix)
                .is_some_and(|line| self.report(line))
        {
            self.keep(&line);
        }
        line.clear();
        self.line = line;
    }

    fn keep(&mut self, line: &[u8]) {
        let shown = String::from_utf8_lossy(&line[..line.len().min(LINE_KEPT)]).into_owned();
        if self.rules.is_verbose {
            // Nobody reads ours: then there is nobody to show it to.
            let _ = writeln!(std::io::stderr(), "{shown}");
        }
        if self.lines.len() == LINES_KEPT {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(shown);
    }

    /// Takes a report, `counter:GROUP,NAME,AMOUNT` or `status:TEXT`; false if it is none of them.
    fn report(&mut self, line: &[u8]) -> bool {
        let Ok(line) = std::str::from_utf8(line) else {
            return false;
        };
        if let Some(status) = line.strip_prefix("status:") {
            let end = status
                .char_indices()
                .nth(LINE_KEPT)
                .map_or(status.len(), |(at, _)| at);
            self.status = Some(status[..end].trim().to_owned());
            return true;
        }
        let Some(counter) = line.strip_prefix("counter:") else {
            return false;
        };
        let mut columns = counter.trim().split(',');
        let (Some(group), Some(name), Some(by), None) = (
            columns.next(),
            columns.next(),
            columns.next(),
            columns.next(),
        ) else {
            return false;
        };
        let Ok(by) = by.parse() else {
            return false;
        };
        let is_new = self.counters.get(group, name) == 0;
        if is_new && self.counters.iter().count() >= self.rules.counters_max {
            self.refused.get_or_insert_with(|| {
                format!(
                    "counts in too many counters: {group},{name} is one more than {} (mapreduce.job.counters.max)",
                    self.rules.counters_max
                )
            });
        } else {
            self.counters.add(group, name, by);
        }
        true
    }

    /// What is wrong with its counters.
    pub(super) fn too_many(&self) -> Option<String> {
        self.refused.clone()
    }

    pub(super) fn take_counters(&mut self) -> Counters {
        std::mem::take(&mut self.counters)
    }

    /// The end of what it said, for an error.
    pub(super) fn last_words(&self) -> String {
        let mut text = String::new();
        if let Some(status) = &self.status {
            text += &format!("; its status was {status:?}");
        }
        if self.lines.is_empty() {
            return text + "; it wrote nothing to standard error";
        }
        text += match self.dropped {
            0 => "; its standard error:",
            _ => "; the end of its standard error:",
        };
        for line in &self.lines {
            text += "\n    ";
            text += line;
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &[u8], at_once: usize) -> Reporter {
        let rules = Rules::of(&Settings::default(), false).unwrap();
        let mut reporter = Reporter::new(rules);
        text.chunks(at_once).for_each(|piece| reporter.hear(piece));
        reporter.end();
        reporter
    }

    #[test]
    fn reports_are_taken_and_the_rest_is_kept() {
        let text = "reporter:counter:Words,short,2\nhello\r\nreporter:status:half way\nreporter:counter:Words,short,3\n\
                    reporter:counter:Words,short,-1\nreporter:counter:two,columns\nreporter:nonsense\nlast";
        for at_once in [1, 7, 1000] {
            let mut reporter = heard(text.as_bytes(), at_once);
            assert_eq!(reporter.take_counters().get("Words", "short"), 5);
            assert_eq!(
                reporter.last_words(),
                "; its status was \"half way\"; its standard error:\n    hello\n    reporter:counter:Words,short,-1\n    \
                 reporter:counter:two,columns\n    reporter:nonsense\n    last"
            );
        }
    }

    #[test]
    fn a_flood_and_an_endless_line_take_no_memory() {
        let mut text = vec![b'x'; 1 << 20];
        text.push(b'\n');
        for number in 0..100_000 {
            text.extend_from_slice(format!("line {number}\n").as_bytes());
        }
        let reporter = heard(&text, 1 << 16);
        assert!(reporter.line.capacity() <= 2 * LINE_MAX && reporter.lines.len() == LINES_KEPT);
        let words = reporter.last_words();
        assert!(
            words.starts_with("; the end of its standard error:\n    line 99980\n"),
            "{words}"
        );
        assert!(heard(&[b'x'; 10_000], 999).last_words().len() < 500);
        assert!(
            heard(b"\xff\xfe\n", 10)
                .last_words()
                .ends_with("\u{fffd}\u{fffd}")
        );
    }

    #[test]
    fn counters_are_bounded() {
        let mut text = String::new();
        for number in 0..121 {
            text += &format!("reporter:counter:group,{number},1\n");
        }
        let mut reporter = heard(text.as_bytes(), 1000);
        assert!(
            reporter
                .too_many()
                .unwrap()
                .contains("group,120 is one more than 120")
        );
        assert_eq!(reporter.take_counters().iter().count(), 120);
    }
}
