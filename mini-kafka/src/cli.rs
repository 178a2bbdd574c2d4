//! The tools of Kafka's users, with the flags that they know.

/// Prints a line. Whoever reads may have gone (`| head`): then nothing is left to do.
macro_rules! say {
    ($($line:tt)*) => { $crate::cli::print_line(format_args!($($line)*)) };
}

pub(crate) mod configs;
pub(crate) mod console;
pub(crate) mod consumer_groups;
pub(crate) mod delete_records;
pub(crate) mod dump_log;
pub(crate) mod perf;
pub(crate) mod topics;

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{Write, stdout};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use kafka_protocol::protocol::StrBytes;
use mini_kafka::server::client::Client;

fn print_line(line: std::fmt::Arguments<'_>) {
    if writeln!(stdout(), "{line}").is_err() {
        std::process::exit(1);
    }
}

/// Where the broker is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Bootstrap {
    /// Where a broker is asked
    #[arg(
        long,
        alias = "broker-list",
        value_name = "HOST:PORT",
        env = "MINI_KAFKA_BOOTSTRAP_SERVER",
        default_value = "127.0.0.1:9092"
    )]
    pub bootstrap_server: String,
}

impl Bootstrap {
    pub(crate) async fn connect(&self) -> Result<Client> {
        Ok(Client::connect(&self.bootstrap_server, "mini-kafka-cli").await?)
    }
}

/// Runs a command to its end.
pub(crate) fn block_on(command: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}

pub(crate) fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// Reads `key=value` items.
pub(crate) fn pairs(items: &[String]) -> Result<BTreeMap<String, String>> {
    let items = items.iter().map(|item| {
        let (key, value) = item
            .split_once('=')
            .with_context(|| format!("{item}: expected KEY=VALUE"))?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    });
    items.collect()
}

/// Prints columns, each as wide as its widest cell.
pub(crate) fn print_table(header: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].len());
        cells.chain([header[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let cells = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        say!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    };
    line(header.to_vec());
    for row in rows {
        line(row.iter().map(String::as_str).collect());
    }
}

/// Ctrl-C or SIGTERM.
pub(crate) async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
    }
}
