//! mini-mapreduce beside what a user would pick for the same work on one machine: PySpark on two threads, DuckDB, Polars, and what every Unix has.
//! Word count of Zipf text, a sort of rows of 100 bytes, a join of two tables. Contestants take turns; all read the same files and write files,
//! and a result that is not everybody's is an error.

mod contestants;
mod cost;
mod tables;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use benches::directory;

use crate::Common;
use crate::report::Report;
use contestants::{Bed, Contestant};
use tables::{Digest, Tables};

const SECONDS: &str = "s";
const CPU: &str = "processor-s";
const MIB: &str = "MiB at most";

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// The size of the text, and of the rows to be sorted, in MiB
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u64).range(1..=65536))]
    mib: u64,
    /// Rows of the join's larger table; the other one has a twentieth
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(20..=1_000_000_000))]
    rows: u64,
    /// What is measured
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "word-count,sort,join"
    )]
    work: Vec<Work>,
    /// A directory where PySpark, DuckDB and Polars are, or are put by pip; without it, they are left out
    #[arg(long, value_name = "DIR", env = "FAULTLINE_PEERS")]
    peers: Option<PathBuf>,
}

/// What everybody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Work {
    /// How often each word of a text is there
    WordCount,
    /// Rows of 100 bytes in the order of their first 10
    Sort,
    /// Each row of a large table with the one of its key in a small one
    Join,
}

impl Work {
    fn name(self) -> &'static str {
        match self {
            Work::WordCount => "word count",
            Work::Sort => "sort",
            Work::Join => "join",
        }
    }
}

/// Measures, and shows what came of it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let dir = directory();
    let bed = Bed::new(dir.path(), options.peers.as_deref())?;
    let mut report = Report::default();
    for &work in &options.work {
        eprintln!("{}: making the input", work.name());
        let tables = Tables::make(work, options.mib, options.rows, dir.path())
            .context("cannot make the input")?;
        let mut expected = None;
        for round in 1..=options.common.repeat {
            for contestant in bed.contestants(work) {
                let name = contestant.name();
                eprintln!("{}, round {round}: {name}", work.name());
                let measured = measure(&bed, &contestant, work, &tables, &mut report)
                    .with_context(|| format!("{}: {name}", work.name()))?;
                let first = expected.get_or_insert((measured.clone(), name));
                ensure!(
                    first.0 == measured,
                    "{}: {name} makes {measured:?}, and {} {:?}",
                    work.name(),
                    first.1,
                    first.0
                );
            }
        }
        tables.remove()?;
        compare(work, &bed, &mut report);
    }
    options.common.show(&report)
}

fn measure(
    bed: &Bed,
    contestant: &Contestant,
    work: Work,
    tables: &Tables,
    report: &mut Report,
) -> Result<Digest> {
    let output = bed.dir.join("out");
    let cost = contestant.run(bed, work, tables, &output)?;
    let digest = Digest::of(&output, work == Work::Sort)?;
    tables::remove(&output)?;
    let row = format!("{}: {}", work.name(), contestant.name());
    report.add(&row, SECONDS, cost.seconds);
    if let Some(cpu) = cost.cpu {
        report.add(&row, CPU, cpu.0);
    }
    if let Some(memory) = cost.memory {
        report.add(&row, MIB, memory as f64 / f64::from(1 << 20));
    }
    Ok(digest)
}

/// Everybody's time beside that of our job in one process; and two workers beside one.
fn compare(work: Work, bed: &Bed, report: &mut Report) {
    let row = |contestant: &Contestant| format!("{}: {}", work.name(), contestant.name());
    for unit in [SECONDS, CPU] {
        let Some(ours) = report.median(&row(&Contestant::InProcess), unit) else {
            continue;
        };
        for contestant in bed.contestants(work) {
            if !matches!(contestant, Contestant::InProcess) {
                report.set_ratio(&row(&contestant), unit, ours, "ours in one process");
            }
        }
    }
    if let Some(one) = report.median(&row(&Contestant::Cluster(1)), SECONDS) {
        report.set_ratio(&row(&Contestant::Cluster(2)), SECONDS, one, "one worker");
    }
}
