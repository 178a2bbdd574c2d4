//! How far a job is, how fast, and how long it will take: bars where a terminal watches, now and then a line where none does.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mini_mapreduce::coordinator::status::Status;
use mini_mapreduce::protocol::JobId;

/// Parts of a bar.
const WHOLE: u64 = 1000;

/// How often there is a line.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Over how long a time speed is measured.
const WINDOW: Duration = Duration::from_secs(5);

/// What was done of a job up to a moment.
#[derive(Clone, Copy, Debug)]
struct Done {
    at: Duration,
    /// How far maps, fetching and reducing are.
    parts: [f64; 3],
    /// Records that maps have read, nothing, pairs that were reduced.
    records: [u64; 3],
    /// Bytes that maps have read, that reduces have fetched, nothing.
    bytes: [u64; 3],
}

impl Done {
    fn of(job: &Status, at: Duration) -> Done {
        let counter = |name| job.counters.get_task(name);
        Done {
            at,
            parts: [job.map, job.shuffle, job.reduce],
            records: [
                counter("MAP_INPUT_RECORDS"),
                0,
                counter("REDUCE_INPUT_RECORDS"),
            ],
            bytes: [job.input_bytes.0, counter("REDUCE_SHUFFLE_BYTES"), 0],
        }
    }
}

/// Measures speed.
#[derive(Debug, Default)]
struct Meter(VecDeque<Done>);

impl Meter {
    /// Later than all before.
    fn push(&mut self, done: Done) {
        self.0.push_back(done);
        // One that is as old as the window stays: else there is nothing to compare with.
        while self.0.get(1).is_some_and(|d| done.at - d.at >= WINDOW) {
            self.0.pop_front();
        }
    }

    /// How fast a part of the job is and how long it will still take: ` 1200 records/s  3.4 MB/s  12 s left`. Empty where nothing moves.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    fn speed(&self, part: usize) -> String {
        let (Some(first), Some(last)) = (self.0.front(), self.0.back()) else {
            return String::new();
        };
        let seconds = (last.at - first.at).as_secs_f64();
        let moved = last.parts[part] - first.parts[part];
        if seconds <= 0.0 || last.parts[part] >= 1.0 {
            return String::new();
        }
        // What a lost worker takes away again is not speed.
        let records = last.records[part].saturating_sub(first.records[part]) as f64 / seconds;
        let bytes = last.bytes[part].saturating_sub(first.bytes[part]) as f64 / seconds;
        let mut text = String::new();
        if records > 0.0 {
            text += &format!("  {records:.0} records/s");
        }
        if bytes > 0.0 {
            text += &format!("  {:.1} MB/s", bytes / 1e6);
        }
        if moved > 0.0 {
            let left = (1.0 - last.parts[part]) / (moved / seconds);
            text += &format!("  {left:.0} s left");
        }
        text
    }

    fn percent(&self, part: usize) -> f64 {
        self.0.back().map_or(0.0, |done| done.parts[part] * 100.0)
    }
}

const NAMES: [&str; 3] = ["map", "shuffle", "reduce"];

/// A job that is shown.
struct Shown {
    job: JobId,
    output: String,
    meter: Meter,
    /// How many of its parts it has: a job without reduces has maps alone.
    parts: usize,
    all: MultiProgress,
    bars: Vec<ProgressBar>,
}

/// Shows how far jobs are, one after another.
pub(crate) struct Progress {
    is_quiet: bool,
    is_terminal: bool,
    begun: Instant,
    shown: Option<Shown>,
    next_line: Instant,
}

impl Progress {
    pub(crate) fn new(is_quiet: bool) -> Progress {
        let begun = Instant::now();
        Progress {
            is_quiet,
            is_terminal: std::io::stderr().is_terminal(),
            begun,
            shown: None,
            next_line: begun + LINE_EVERY,
        }
    }

    /// Shows how far a job is.
    pub(crate) fn show(&mut self, job: &Status) {
        if self.is_quiet {
            return;
        }
        let is_same = |shown: &Shown| shown.job == job.job && shown.output == job.output;
        if !self.shown.as_ref().is_some_and(is_same) {
            self.end();
            self.shown = Some(Shown::new(job, self.is_terminal));
        }
        let Some(shown) = &mut self.shown else {
            return;
        };
        shown.meter.push(Done::of(job, self.begun.elapsed()));
        if self.is_terminal {
            shown.set_bars();
        } else if Instant::now() >= self.next_line {
            self.next_line = Instant::now() + LINE_EVERY;
            eprintln!("{}", shown.line());
        }
    }

    /// Nothing more will come.
    pub(crate) fn end(&mut self) {
        if let Some(shown) = self.shown.take() {
            // A terminal that is gone is no reason to fail.
            let _ = shown.all.clear();
        }
    }
}

impl Shown {
    fn new(job: &Status, is_terminal: bool) -> Shown {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{prefix:8} {bar:40} {percent:>3} %{msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let parts = if job.reduces.0 > 0 { 3 } else { 1 };
        let names = NAMES[..parts].iter().filter(|_| is_terminal);
        let bar = |name: &&'static str| {
            let bar = ProgressBar::new(WHOLE).with_style(style.clone());
            all.add(bar.with_prefix(*name))
        };
        let bars = names.map(bar).collect();
        Shown {
            job: job.job,
            output: job.output.clone(),
            meter: Meter::default(),
            parts,
            all,
            bars,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of a small number"
    )]
    fn set_bars(&self) {
        for (part, bar) in self.bars.iter().enumerate() {
            let done = self.meter.percent(part).clamp(0.0, 100.0) / 100.0;
            bar.set_position((done * WHOLE as f64) as u64);
            bar.set_message(self.meter.speed(part));
        }
    }

    fn line(&self) -> String {
        let part = |part: usize| {
            let (name, done) = (NAMES[part], self.meter.percent(part));
            format!("{name} {done:.0} %{}", self.meter.speed(part))
        };
        let parts: Vec<String> = (0..self.parts).map(part).collect();
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(seconds: u64, map: f64, records: u64, bytes: u64) -> Done {
        Done {
            at: Duration::from_secs(seconds),
            parts: [map, 0.0, 0.0],
            records: [records, 0, 0],
            bytes: [bytes, 0, 0],
        }
    }

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let mut meter = Meter::default();
        meter.push(done(0, 0.0, 0, 0));
        assert_eq!(meter.speed(0), "");
        // Slow at first, and then fast.
        meter.push(done(100, 0.1, 1_000, 1_000_000));
        meter.push(done(102, 0.2, 5_000, 5_000_000));
        meter.push(done(105, 0.6, 21_000, 21_000_000));
        assert_eq!(meter.speed(0), "  4000 records/s  4.0 MB/s  4 s left");
        assert_eq!(meter.speed(1), "", "nothing moves there");
    }

    #[test]
    fn work_that_is_lost_is_no_speed() {
        let mut meter = Meter::default();
        meter.push(done(0, 0.5, 5_000, 5_000_000));
        meter.push(done(1, 0.3, 3_000, 3_000_000));
        assert_eq!(meter.speed(0), "");
        meter.push(done(2, 1.0, 10_000, 10_000_000));
        assert_eq!(meter.speed(0), "", "nothing is left");
    }
}
