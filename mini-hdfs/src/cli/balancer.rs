//! `mini-hdfs balancer`: evens out how full DataNodes are.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mini_hdfs::server::balancer::{BalancerSettings, ExitStatus, Iteration, run as balance, took};

use super::format::{Utc, human};
use super::{Failure, Generic, Words};

const USAGE: &str = "Usage: mini-hdfs balancer [generic options]\n\t\
                     [-policy datanode]\tthe only one: each DataNode is as full as all together\n\t\
                     [-threshold <percent>]\tfrom 1 to 100, how far from the average is even enough [default: 10]\n\t\
                     [-idleiterations <n>]\tgive up after so many that move nothing [default: 5]";

/// HDFS's `IO_EXCEPTION` and `ILLEGAL_ARGUMENTS`.
const FAILED: u8 = 252;
const BAD_ARGUMENTS: u8 = 251;

/// Runs `balancer` with the words behind it.
pub(crate) fn run(words: &Words) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match try_run(&words.words, &mut out) {
        Ok(code) => ExitCode::from(code),
        Err(Failure::Usage(text)) => {
            eprintln!("{text}");
            ExitCode::from(BAD_ARGUMENTS)
        }
        Err(Failure::Failed(text)) => {
            eprintln!("{}  Exiting ...", text.unwrap_or_default());
            ExitCode::from(FAILED)
        }
        Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
    }
}

fn try_run(words: &[String], out: &mut dyn Write) -> Result<u8, Failure> {
    let (Generic { client, settings }, words) = Generic::parse(words)?;
    let usage = |why: String| Failure::Usage(format!("balancer: {why}\n{USAGE}"));
    let mut balancer = BalancerSettings::default()
        .with(&settings)
        .map_err(|e| Failure::Usage(e.to_string()))?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut rest = words.as_slice();
    loop {
        rest = match rest {
            [] => break,
            ["-help" | "--help" | "-h", ..] => {
                writeln!(out, "{USAGE}")?;
                return Ok(0);
            }
            ["-threshold", value, after @ ..] => {
                let threshold = value.parse().ok().filter(|t| (1.0..=100.0).contains(t));
                let why = format!("-threshold {value}: expected a number from 1 to 100");
                balancer.threshold = threshold.ok_or_else(|| usage(why))?;
                after
            }
            ["-idleiterations", value, after @ ..] => {
                let why = format!("-idleiterations {value}: expected a whole number");
                balancer.idle_iterations = value.parse().map_err(|_| usage(why))?;
                after
            }
            ["-policy", "datanode", after @ ..] => after,
            ["-policy", other, ..] => {
                let why = format!(
                    "-policy {other}: there is one, datanode; block pools are of federations"
                );
                return Err(usage(why));
            }
            [other, ..] => return Err(usage(format!("{other}: not understood"))),
        };
    }
    let began = Instant::now();
    let name_node = client.settings().name_node.clone();
    writeln!(
        out,
        "Time Stamp               Iteration#  Bytes Already Moved  Bytes Left To Move  Bytes Being Moved  NameNode"
    )?;
    let ended = balance(&client, &balancer, |iteration| {
        print_row(iteration, &name_node, out)
    })?;
    let last = match ended {
        ExitStatus::Success => "The cluster is balanced. Exiting...".to_owned(),
        ExitStatus::AlreadyRunning => "Another Balancer is running..  Exiting ...".to_owned(),
        ExitStatus::NoMoveBlock => "No block can be moved. Exiting...".to_owned(),
        ExitStatus::NoMoveProgress => format!(
            "No block has been moved for {} iterations. Exiting...",
            balancer.idle_iterations
        ),
    };
    writeln!(out, "{last}\n{}", took(began))?;
    Ok(ended.code())
}

fn print_row(iteration: &Iteration, name_node: &str, out: &mut dyn Write) -> std::io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let bytes = |count: u64| format!("{}B", human(count) + if count < 1024 { " " } else { "" });
    writeln!(
        out,
        "{:<24} {:>10}  {:>19}  {:>18}  {:>17}  hdfs://{name_node}",
        Utc::from_millis(now).seconds().to_string(),
        iteration.number,
        bytes(iteration.moved_before),
        bytes(iteration.left),
        bytes(iteration.moving),
    )?;
    out.flush()
}
