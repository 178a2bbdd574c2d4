//! mini-kafka beside Tansu, under the load of librdkafka; and beside librdkafka's own mock broker, which does next to nothing with what
//! it gets: what the client reaches there is all that it can. Contestants take turns, each round with a process and a directory anew.

mod contestants;
mod load;

pub(crate) use contestants::Node;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use benches::processes::{cpu, resident_max};

use crate::Common;
use crate::report::Report;
use contestants::{Contestant, Kind, Tansu};
use load::Client;

const MB_S: &str = "MB/s";
const RECORDS: &str = "1,000 records/s";
const CPU: &str = "the broker's processor-s/GB";
const MILLIS: &str = "ms";
const MIB: &str = "MiB at most";

/// Partitions of the topic that is consumed, and what each holds: the mock keeps the last 5 MiB of a partition.
const READ_PARTITIONS: i32 = 16;
const READ_MIB_EACH: u64 = 4;
const SYNC_TOPIC: &str = "sync";
const READ_TOPIC: &str = "read";
const WARM_TOPIC: &str = "warm";
/// Topics that are written to, and the bytes of their records.
const WRITTEN: [(&str, usize); 2] = [("hundred", 100), ("kibi", 1024)];

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// What is produced of each size of records, and consumed, in MiB
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u64).range(16..=65536))]
    mib: u64,
    /// Records that are sent one after the other, each when the one before is acknowledged
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    sync: u32,
    /// A directory where Tansu is, or is put by pip; without it, Tansu is left out
    #[arg(long, value_name = "DIR", env = "FAULTLINE_TANSU")]
    tansu: Option<PathBuf>,
}

/// Topics, and how many partitions each has.
fn topics() -> impl Iterator<Item = (&'static str, i32)> {
    let written = WRITTEN.iter().map(|(topic, _)| (*topic, 1));
    written.chain([
        (WARM_TOPIC, 1),
        (SYNC_TOPIC, 1),
        (READ_TOPIC, READ_PARTITIONS),
    ])
}

/// Measures, and shows what came of it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut kinds = vec![Kind::Ours, Kind::Mock];
    match &options.tansu {
        Some(dir) => match Tansu::find_or_install(dir) {
            Ok(tansu) => kinds.push(Kind::Tansu(tansu)),
            Err(error) => eprintln!("Tansu is left out: {error:#}"),
        },
        None => eprintln!(
            "Tansu is left out: neither --tansu DIR nor FAULTLINE_TANSU says where it is, or may be put by pip"
        ),
    }
    let mut report = Report::default();
    for round in 1..=options.common.repeat {
        for kind in &kinds {
            eprintln!(
                "round {round} of {}: {}",
                options.common.repeat,
                kind.name()
            );
            measure(kind, options, &mut report).with_context(|| kind.name())?;
        }
    }
    for (what, unit) in rates() {
        let Some(mock) = report.median(&Kind::Mock.row(&what), unit) else {
            continue;
        };
        for kind in kinds.iter().filter(|kind| !matches!(kind, Kind::Mock)) {
            report.set_ratio(&kind.row(&what), unit, mock, "what the client reaches");
        }
    }
    options.common.show(&report)
}

fn produced(record_bytes: usize) -> String {
    format!("produce {record_bytes} bytes, acks=1")
}

const CONSUMED: &str = "consume 1024 bytes";

/// The rows that are set beside the mock's.
fn rates() -> [(String, &'static str); 3] {
    [
        (produced(WRITTEN[0].1), RECORDS),
        (produced(WRITTEN[1].1), MB_S),
        (CONSUMED.to_owned(), MB_S),
    ]
}

fn measure(kind: &Kind, options: &Options, report: &mut Report) -> Result<()> {
    let contestant = Contestant::start(kind)?;
    let client = Client::new(&contestant.address);
    if !matches!(kind, Kind::Mock) {
        client.create_topics(topics())?;
    }
    let bytes = options.mib << 20;
    client.produce(WARM_TOPIC, 1024, bytes / 8)?;
    let mut timed =
        |what: &str, record_bytes: usize, work: &mut dyn FnMut() -> Result<(u64, Duration)>| {
            let before = cpu(contestant.process);
            let (records, time) = work()?;
            let (row, bytes) = (kind.row(what), (records * record_bytes as u64) as f64);
            report.add(&row, RECORDS, records as f64 / time.as_secs_f64() / 1e3);
            report.add(&row, MB_S, bytes / time.as_secs_f64() / 1e6);
            if let (Some(before), Some(after)) = (before, cpu(contestant.process)) {
                report.add(&row, CPU, (after - before).0 / (bytes / 1e9));
            }
            anyhow::Ok(())
        };
    for (topic, record_bytes) in WRITTEN {
        timed(&produced(record_bytes), record_bytes, &mut || {
            client.produce(topic, record_bytes, bytes)
        })?;
    }
    client.fill(READ_TOPIC, READ_PARTITIONS, 1024, READ_MIB_EACH << 20)?;
    // Once unmeasured: the client's memory, and what the broker has to open.
    let passes = bytes.div_ceil((READ_MIB_EACH * u64::from(READ_PARTITIONS.unsigned_abs())) << 20);
    let records = READ_MIB_EACH << 10;
    client.consume(READ_TOPIC, READ_PARTITIONS, records, 1)?;
    timed(CONSUMED, 1024, &mut || {
        client.consume(READ_TOPIC, READ_PARTITIONS, records, passes)
    })?;
    let mut latencies = client.produce_one_by_one(SYNC_TOPIC, 100, options.sync)?;
    ensure!(!latencies.is_empty(), "no record was acknowledged");
    latencies.sort();
    for (name, percent) in [("p50", 50), ("p99", 99)] {
        let at = latencies[(latencies.len() - 1) * percent / 100];
        let row = kind.row(&format!("produce one by one, {name}"));
        report.add(&row, MILLIS, at.as_secs_f64() * 1e3);
    }
    if let Some(bytes) = resident_max(contestant.process) {
        report.add(&kind.row("memory"), MIB, bytes as f64 / f64::from(1 << 20));
    }
    Ok(())
}
