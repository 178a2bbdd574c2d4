//! `compare`: all strategies on the same keys and nodes.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use consistent_hash::draw::{compare as picture, percent};
use consistent_hash::hash;
use consistent_hash::skew::load::LoadReport;
use consistent_hash::{MembershipError, Node, NodeId, Partitioner};
use serde::Serialize;

use super::keys::{Keys, Source};
use super::nodes::Nodes;
use super::strategy::{Built, Settings, Strategy};
use super::{table, write_svg};

/// A look-up is timed for at least so long.
const TIMED_FOR: Duration = Duration::from_millis(20);
/// How many keys a picture shows.
const SHOWN: usize = 80;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    nodes: Nodes,
    #[command(flatten)]
    source: Source,
    /// Only this strategy; may be repeated
    #[arg(long, value_enum)]
    strategy: Vec<Strategy>,
    #[command(flatten)]
    settings: Settings,
    /// Leave look-up times out: then the same command writes the same every time
    #[arg(long)]
    untimed: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
    /// Draw the strategies to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// What came of one strategy.
#[derive(Serialize)]
struct Figures {
    strategy: &'static str,
    /// Of different keys: the fullest node in times of the mean, by weight.
    keys_max_over_mean: f64,
    /// The same of all keys, each as often as it came.
    requests_max_over_mean: f64,
    requests_p99_over_mean: f64,
    requests_gini: f64,
    join: Change,
    leave: Change,
    lookup_ns: Option<f64>,
    memory_bytes: usize,
    #[serde(skip)]
    shown: Vec<(usize, usize)>,
}

/// What a change of the membership moved.
#[derive(Serialize)]
#[serde(untagged)]
enum Change {
    /// Parts of all different keys.
    Moved {
        moved: f64,
        /// Between two nodes that are there before and after.
        needless: f64,
    },
    /// The strategy cannot do it.
    Refused { refused: String },
}

#[derive(Serialize)]
struct Report {
    nodes: usize,
    keys: usize,
    distinct_keys: usize,
    joins: String,
    leaves: String,
    strategies: Vec<Figures>,
    /// Those that nobody asked for by name and that cannot take these nodes.
    left_out: Vec<LeftOut>,
}

#[derive(Serialize)]
struct LeftOut {
    strategy: &'static str,
    reason: String,
}

pub(crate) fn run(options: &Options, out: &mut dyn Write) -> Result<()> {
    let nodes = options.nodes.list()?;
    let keys = options.source.load()?;
    let all = <Strategy as clap::ValueEnum>::value_variants();
    let chosen = match &options.strategy[..] {
        [] => all,
        chosen => chosen,
    };
    let highest = nodes.iter().map(|node| node.id.0).max().unwrap_or(0);
    let fresh = Node::new(
        highest
            .checked_add(1)
            .context("--nodes: no number is left for another node")?,
    );
    // One from the middle: the last one may be easier to lose than others.
    let leaves = nodes[nodes.len() / 2].id;
    let (mut strategies, mut left_out) = (Vec::new(), Vec::new());
    for strategy in chosen {
        match measure(*strategy, options, &nodes, &keys, fresh, leaves) {
            Ok(measured) => strategies.push(measured),
            Err(error) if options.strategy.is_empty() && cannot_take(&error) => {
                left_out.push((strategy, error));
            }
            Err(error) => return Err(error.context(strategy.options(&options.settings))),
        }
    }
    if strategies.is_empty() && !left_out.is_empty() {
        let (strategy, error) = left_out.swap_remove(0);
        return Err(error.context(strategy.options(&options.settings)));
    }
    let left_out = left_out.iter().map(|(strategy, error)| LeftOut {
        strategy: strategy.name(),
        reason: error.to_string(),
    });
    let report = Report {
        nodes: nodes.len(),
        keys: keys.all.len(),
        distinct_keys: keys.distinct.len(),
        joins: fresh.id.to_string(),
        leaves: leaves.to_string(),
        strategies,
        left_out: left_out.collect(),
    };
    if let Some(path) = &options.svg {
        write_svg(path, &draw(&report, &nodes, fresh))?;
    }
    if options.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
    } else {
        write_table(out, &report, &keys.origin)?;
    }
    Ok(())
}

/// Whether it is the strategy that cannot take these nodes, which another one may.
fn cannot_take(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(MembershipError::Unsupported(_)))
}

fn measure(
    strategy: Strategy,
    options: &Options,
    nodes: &[Node],
    keys: &Keys,
    fresh: Node,
    leaves: NodeId,
) -> Result<Figures> {
    let build = || strategy.build(&options.settings, nodes, &keys.distinct);
    let built = build()?;
    let before = locate_all(built.partitioner(), &keys.distinct);
    let joined = changed(build()?, keys, &before, |all| all.add(fresh));
    let left = changed(build()?, keys, &before, |all| all.remove(leaves));
    let counts = |keys: &[Vec<u8>]| loads(built.partitioner(), nodes, keys);
    let of_keys = LoadReport::of(&counts(&keys.distinct)).context("no nodes")?;
    let of_requests = LoadReport::of(&counts(&keys.all)).context("no nodes")?;
    let after = joined.1;
    let places: BTreeMap<NodeId, usize> = nodes
        .iter()
        .chain([&fresh])
        .map(|node| node.id)
        .zip(0..)
        .collect();
    let place = |node: Option<NodeId>| node.and_then(|id| places.get(&id).copied()).unwrap_or(0);
    let sample = sample(&keys.distinct).map(|at| {
        let after = after.as_ref().map_or(before[at], |after| after[at]);
        (place(before[at]), place(after))
    });
    Ok(Figures {
        strategy: strategy.name(),
        keys_max_over_mean: of_keys.max_over_mean(),
        requests_max_over_mean: of_requests.max_over_mean(),
        requests_p99_over_mean: of_requests.p99_over_mean(),
        requests_gini: of_requests.gini,
        join: joined.0,
        leave: left.0,
        lookup_ns: (!options.untimed).then(|| lookup_ns(built.partitioner(), &keys.distinct)),
        memory_bytes: built.partitioner().memory_bytes(),
        shown: sample.collect(),
    })
}

fn locate_all(partitioner: &dyn Partitioner, keys: &[Vec<u8>]) -> Vec<Option<NodeId>> {
    keys.iter().map(|key| partitioner.locate(key)).collect()
}

/// Each node's keys, for each unit of its weight.
fn loads(partitioner: &dyn Partitioner, nodes: &[Node], keys: &[Vec<u8>]) -> Vec<f64> {
    let mut counts: BTreeMap<NodeId, u64> = BTreeMap::new();
    for node in locate_all(partitioner, keys).into_iter().flatten() {
        *counts.entry(node).or_default() += 1;
    }
    let load =
        |node: &Node| counts.get(&node.id).copied().unwrap_or(0) as f64 / f64::from(node.weight);
    nodes.iter().map(load).collect()
}

/// What a change moves, and where all keys are after it.
fn changed(
    mut built: Built,
    keys: &Keys,
    before: &[Option<NodeId>],
    change: impl FnOnce(&mut dyn Partitioner) -> Result<(), MembershipError>,
) -> (Change, Option<Vec<Option<NodeId>>>) {
    let members = |built: &Built| -> Vec<NodeId> {
        built
            .partitioner()
            .nodes()
            .iter()
            .map(|node| node.id)
            .collect()
    };
    let were = members(&built);
    if let Err(error) = change(built.partitioner_mut()) {
        let refused = error.to_string();
        return (Change::Refused { refused }, None);
    }
    let are = members(&built);
    let after = locate_all(built.partitioner(), &keys.distinct);
    let (mut moved, mut needless) = (0u64, 0u64);
    for (from, to) in before.iter().zip(&after).filter(|(from, to)| from != to) {
        moved += 1;
        let stays = from.is_some_and(|from| are.contains(&from));
        let was = to.is_some_and(|to| were.contains(&to));
        needless += u64::from(stays && was);
    }
    let part = |count: u64| count as f64 / keys.distinct.len() as f64;
    let change = Change::Moved {
        moved: part(moved),
        needless: part(needless),
    };
    (change, Some(after))
}

/// The time of a look-up, on average over all keys, in an order that no cache likes.
fn lookup_ns(partitioner: &dyn Partitioner, keys: &[Vec<u8>]) -> f64 {
    let mut order: Vec<&Vec<u8>> = keys.iter().collect();
    order.sort_by_cached_key(|key| hash::key(1, key));
    // Once untimed, so that whoever comes first does not pay for the caches.
    for key in &order {
        black_box(partitioner.locate(black_box(key)));
    }
    let (start, mut rounds) = (Instant::now(), 0u32);
    while rounds == 0 || start.elapsed() < TIMED_FOR {
        for key in &order {
            black_box(partitioner.locate(black_box(key)));
        }
        rounds += 1;
    }
    start.elapsed().as_nanos() as f64 / f64::from(rounds) / order.len() as f64
}

/// Places of keys that stand for all: those of the lowest hashes, in the order of the hash.
fn sample(keys: &[Vec<u8>]) -> impl Iterator<Item = usize> {
    let mut places: Vec<usize> = (0..keys.len()).collect();
    places.sort_by_cached_key(|at| hash::key(2, &keys[*at]));
    places.into_iter().take(SHOWN)
}

fn write_table(out: &mut dyn Write, report: &Report, origin: &str) -> Result<()> {
    let Report {
        nodes,
        keys,
        distinct_keys,
        joins,
        leaves,
        ..
    } = report;
    let noun = if *nodes == 1 { "node" } else { "nodes" };
    writeln!(
        out,
        "{keys} keys, {distinct_keys} different ones, from {origin}; {nodes} {noun}; {joins} joins, or {leaves} leaves\n"
    )?;
    let heading = [
        "<strategy",
        "keys: max/mean",
        "requests: max/mean",
        "p99/mean",
        "Gini",
        "join moves",
        "needless",
        "leave moves",
        "needless",
        "look-up",
        "memory",
    ];
    let rows = report.strategies.iter().map(|figures| {
        let mut row = vec![
            figures.strategy.to_owned(),
            format!("{:.3}", figures.keys_max_over_mean),
            format!("{:.3}", figures.requests_max_over_mean),
            format!("{:.3}", figures.requests_p99_over_mean),
            format!("{:.3}", figures.requests_gini),
        ];
        for change in [&figures.join, &figures.leave] {
            row.extend(match change {
                Change::Moved { moved, needless } => [percent(*moved), percent(*needless)],
                Change::Refused { .. } => ["cannot".to_owned(), "-".to_owned()],
            });
        }
        row.push(
            figures
                .lookup_ns
                .map_or("-".to_owned(), |ns| format!("{ns:.1} ns")),
        );
        row.push(bytes(figures.memory_bytes));
        row
    });
    table::write(out, &heading, &rows.collect::<Vec<_>>())?;
    for figures in &report.strategies {
        for change in [&figures.join, &figures.leave] {
            if let Change::Refused { refused } = change {
                writeln!(out, "\n{}: {refused}", figures.strategy)?;
            }
        }
    }
    for LeftOut { strategy, reason } in &report.left_out {
        writeln!(out, "\n{strategy} is left out: {reason}")?;
    }
    Ok(())
}

fn bytes(bytes: usize) -> String {
    match bytes {
        0..10_240 => format!("{bytes} B"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

fn draw(report: &Report, nodes: &[Node], fresh: Node) -> String {
    let names: Vec<String> = nodes
        .iter()
        .chain([&fresh])
        .map(|node| node.id.to_string())
        .collect();
    let row = |figures: &Figures| picture::Row {
        name: figures.strategy.to_owned(),
        keys: figures.shown.clone(),
        moved: match figures.join {
            Change::Moved { moved, .. } => moved,
            Change::Refused { .. } => 0.0,
        },
        max_over_mean: figures.keys_max_over_mean,
    };
    let rows: Vec<picture::Row> = report.strategies.iter().map(row).collect();
    let weights = |nodes: &[Node]| nodes.iter().map(|node| f64::from(node.weight)).sum::<f64>();
    let least = f64::from(fresh.weight) / (weights(nodes) + f64::from(fresh.weight));
    let title = format!("{} nodes, and {} joins", nodes.len(), fresh.id);
    picture::draw(&title, &names, least, &rows)
}
