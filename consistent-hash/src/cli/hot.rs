//! `hot`: the keys that come most often in a stream of any length.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use consistent_hash::draw::percent;
use consistent_hash::skew::space_saving::{Counter, SpaceSaving};
use serde::Serialize;

use super::{keys, table};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// A file with a key a line; - is the standard input
    #[arg(default_value = "-", value_name = "FILE")]
    file: PathBuf,
    /// How many keys are counted: no count is wrong by more than the stream's length divided by this
    #[arg(long, default_value = "1000", value_name = "COUNT")]
    counters: NonZeroUsize,
    /// How many keys are shown
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    top: usize,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    keys: u64,
    counters: usize,
    error_at_most: u64,
    top: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    key: String,
    at_least: u64,
    at_most: u64,
}

pub(crate) fn run(options: &Options, out: &mut dyn Write) -> Result<()> {
    let mut summary = SpaceSaving::new(options.counters);
    keys::for_each(&options.file, |key| {
        summary.offer(key);
        Ok(())
    })?;
    let line = |counter: &&Counter| Line {
        key: String::from_utf8_lossy(&counter.key).into_owned(),
        at_least: counter.count - counter.error,
        at_most: counter.count,
    };
    let report = Report {
        keys: summary.total(),
        counters: options.counters.get(),
        error_at_most: summary.floor(),
        top: summary.top().iter().take(options.top).map(line).collect(),
    };
    if options.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    let Report {
        keys,
        counters,
        error_at_most,
        top,
    } = report;
    writeln!(
        out,
        "{keys} keys, {counters} counters: no key that is not counted came more than {error_at_most} times\n"
    )?;
    let rows = top.into_iter().map(|line| {
        let share = percent(line.at_most as f64 / keys.max(1) as f64);
        vec![
            printable(&line.key),
            line.at_least.to_string(),
            line.at_most.to_string(),
            share,
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    table::write(out, &["<key", "at least", "at most", "share"], &rows)?;
    Ok(())
}

/// A key as it may be shown on a terminal: what would move the cursor is written as an escape.
fn printable(key: &str) -> String {
    let shown = |letter: char| match letter.is_control() {
        true => letter.escape_default().collect(),
        false => letter.to_string(),
    };
    key.chars().map(shown).collect::<Vec<String>>().concat()
}
