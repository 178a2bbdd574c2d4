//! `ring`: what each node owns, and what moves.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use consistent_hash::draw::{percent, ring as picture};
use consistent_hash::ring::moves::Move;
use consistent_hash::skew::load::LoadReport;
use consistent_hash::{Node, NodeId, Partitioner, Ring};

use super::nodes::{Nodes, parse_id, parse_node};
use super::{table, write_svg};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    nodes: Nodes,
    /// Virtual nodes for each unit of weight
    #[arg(long, default_value_t = 64, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    vnodes: u32,
    /// The seed of the hash: clients with different seeds disagree
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// A node that joins: n9, n9*2 with a weight, n9@3 in a zone. May be repeated
    #[arg(long, value_name = "NODE", value_parser = parse_node)]
    add: Vec<Node>,
    /// A node that leaves. May be repeated
    #[arg(long, value_name = "NODE", value_parser = parse_id)]
    remove: Vec<NodeId>,
    /// List every range that moves
    #[arg(long)]
    ranges: bool,
    /// Draw the ring to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, out: &mut dyn Write) -> Result<()> {
    let nodes = options.nodes.list()?;
    let mut ring = Ring::new(options.vnodes, options.seed);
    ring.add_all(&nodes).context("the ring cannot be built")?;
    let mut after = ring.clone();
    for id in &options.remove {
        after
            .remove(*id)
            .with_context(|| format!("--remove {id}"))?;
    }
    after.add_all(&options.add).context("--add")?;
    let changes = !options.add.is_empty() || !options.remove.is_empty();
    if after.members().is_empty() {
        bail!("--remove takes the last node away: nobody is left to take its ranges over");
    }
    let after = changes.then_some(&after);
    let title = title(options, ring.members().len());
    if let Some(path) = &options.svg {
        let points = ring.points().len();
        if points > picture::POINTS_MAX {
            bail!(
                "no picture can show {points} virtual nodes: at most {}; take fewer --nodes or --vnodes",
                picture::POINTS_MAX
            );
        }
        write_svg(path, &picture::draw(&title, &ring, after))?;
    }
    let (vnodes, seed) = (options.vnodes, options.seed);
    writeln!(
        out,
        "{title}: {vnodes} virtual nodes for each unit of weight, seed {seed}\n"
    )?;
    write_shares(out, &ring, after)?;
    if let Some(after) = after {
        write_moves(out, &ring, after, options.ranges)?;
    }
    Ok(())
}

fn title(options: &Options, nodes: usize) -> String {
    let names = |ids: Vec<String>| ids.join(", ");
    let add = names(options.add.iter().map(|node| node.id.to_string()).collect());
    let remove = names(options.remove.iter().map(ToString::to_string).collect());
    let verb =
        |ids: usize, one: &'static str, many: &'static str| if ids == 1 { one } else { many };
    let joins = verb(options.add.len(), "joins", "join");
    let leaves = verb(options.remove.len(), "leaves", "leave");
    let nodes = format!("a ring of {nodes} {}", verb(nodes, "node", "nodes"));
    match (add.as_str(), remove.as_str()) {
        ("", "") => nodes,
        (_, "") => format!("{nodes}, {add} {joins}"),
        ("", _) => format!("{nodes}, {remove} {leaves}"),
        _ => format!("{nodes}, {remove} {leaves} and {add} {joins}"),
    }
}

/// Each node's share, before and after, and how equal they are.
fn write_shares(out: &mut dyn Write, ring: &Ring, after: Option<&Ring>) -> Result<()> {
    let mut nodes: BTreeMap<NodeId, Node> = BTreeMap::new();
    for ring in [Some(ring), after].into_iter().flatten() {
        nodes.extend(ring.nodes().into_iter().map(|node| (node.id, node)));
    }
    let mut heading = vec!["<node", "weight", "zone", "share"];
    heading.extend(after.map(|_| "after"));
    let columns: Vec<BTreeMap<NodeId, f64>> = [Some(ring), after]
        .into_iter()
        .flatten()
        .map(picture::shares)
        .collect();
    let rows = nodes.values().map(|node| {
        let zone = node.zone.map_or("-".to_owned(), |zone| zone.to_string());
        let mut row = vec![node.id.to_string(), node.weight.to_string(), zone];
        row.extend(columns.iter().map(|shares| {
            let share = shares.get(&node.id).copied();
            share.map_or("-".to_owned(), percent)
        }));
        row
    });
    table::write(out, &heading, &rows.collect::<Vec<_>>())?;
    let shown = columns.last().into_iter().flatten();
    let load = |(id, share): (&NodeId, &f64)| share / f64::from(nodes[id].weight);
    let loads: Vec<f64> = shown.map(load).collect();
    if let Some(report) = LoadReport::of(&loads) {
        let (max, gini) = (report.max_over_mean(), report.gini);
        writeln!(
            out,
            "\nby weight: the fullest node has {max:.2} times the mean, Gini {gini:.3}"
        )?;
    }
    Ok(())
}

/// What moves, summed up by source and target.
fn write_moves(out: &mut dyn Write, ring: &Ring, after: &Ring, all: bool) -> Result<()> {
    let moves = ring.moves(after);
    let mut pairs: BTreeMap<(NodeId, NodeId), Vec<&Move>> = BTreeMap::new();
    for step in &moves {
        pairs.entry((step.from, step.to)).or_default().push(step);
    }
    let moved = percent(picture::part(moves.iter().map(|step| &step.span)));
    writeln!(
        out,
        "\n{} ranges move, {moved} of all positions; {} is the least\n",
        moves.len(),
        percent(least(ring, after))
    )?;
    let rows = pairs.iter().map(|((from, to), moves)| {
        let part = percent(picture::part(moves.iter().map(|step| &step.span)));
        vec![
            from.to_string(),
            to.to_string(),
            moves.len().to_string(),
            part,
        ]
    });
    table::write(
        out,
        &["<from", "<to", "ranges", "positions"],
        &rows.collect::<Vec<_>>(),
    )?;
    if all {
        writeln!(out)?;
        let row = |step: &Move| {
            let position = |position: u64| format!("{position:#018x}");
            let (after, until) = (position(step.span.after), position(step.span.until));
            vec![after, until, step.from.to_string(), step.to.to_string()]
        };
        let rows: Vec<Vec<String>> = moves.iter().map(row).collect();
        table::write(out, &["<after", "<until", "<from", "<to"], &rows)?;
    }
    Ok(())
}

/// The part of all positions that has to move if every node had exactly its share, before and after: what their shares grow by.
fn least(ring: &Ring, after: &Ring) -> f64 {
    let share = |ring: &Ring, id: NodeId| {
        let weight = ring.members().get(id).map_or(0, |node| node.weight);
        f64::from(weight) / ring.members().weight() as f64
    };
    let grown = after
        .nodes()
        .into_iter()
        .map(|node| share(after, node.id) - share(ring, node.id));
    grown.filter(|by| *by > 0.0).sum()
}
