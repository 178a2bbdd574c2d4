//! How far a job is: bars where a terminal watches, now and then a line where none does.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mini_mapreduce::coordinator::status::Status;
use mini_mapreduce::protocol::JobId;

/// Parts of a bar.
const WHOLE: u64 = 1000;

/// How often there is a line.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The bars of a job.
struct Bars {
    job: JobId,
    output: String,
    all: MultiProgress,
    map: ProgressBar,
    shuffle: ProgressBar,
    reduce: ProgressBar,
}

/// Shows how far jobs are, one after another.
pub(crate) struct Progress {
    is_quiet: bool,
    bars: Option<Bars>,
    next_line: Instant,
}

impl Progress {
    pub(crate) fn new(is_quiet: bool) -> Progress {
        Progress {
            is_quiet,
            bars: None,
            next_line: Instant::now() + LINE_EVERY,
        }
    }

    /// Shows how far a job is.
    pub(crate) fn show(&mut self, job: &Status) {
        if self.is_quiet {
            return;
        }
        let (map, shuffle, reduce) = (job.map, job.shuffle, job.reduce);
        if !std::io::stderr().is_terminal() {
            if Instant::now() >= self.next_line {
                self.next_line = Instant::now() + LINE_EVERY;
                let (map, shuffle, reduce) = (map * 100.0, shuffle * 100.0, reduce * 100.0);
                eprintln!("map {map:.0} %, shuffle {shuffle:.0} %, reduce {reduce:.0} %");
            }
            return;
        }
        let is_same = |bars: &&mut Bars| bars.job == job.job && bars.output == job.output;
        let bars = match self.bars.as_mut().filter(is_same) {
            Some(_) => self.bars.as_ref(),
            None => Some(&*self.bars.insert(Bars::new(job))),
        };
        if let Some(bars) = bars {
            set(&bars.map, map);
            set(&bars.shuffle, shuffle);
            set(&bars.reduce, reduce);
        }
    }

    /// Nothing more will come.
    pub(crate) fn end(&mut self) {
        if let Some(bars) = self.bars.take() {
            // A terminal that is gone is no reason to fail.
            let _ = bars.all.clear();
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a fraction of a small number"
)]
fn set(bar: &ProgressBar, fraction: f64) {
    bar.set_position((fraction.clamp(0.0, 1.0) * WHOLE as f64) as u64);
}

impl Bars {
    fn new(job: &Status) -> Bars {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{prefix:8} {bar:40} {percent:3} %  {eta} left");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = |name: &'static str| {
            let bar = ProgressBar::new(WHOLE).with_style(style.clone());
            all.add(bar.with_prefix(name))
        };
        let (map, shuffle, reduce) = (bar("map"), bar("shuffle"), bar("reduce"));
        Bars {
            job: job.job,
            output: job.output.clone(),
            all,
            map,
            shuffle,
            reduce,
        }
    }
}
