//! `locate`: where keys belong.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::keys;
use super::nodes::Nodes;
use super::strategy::{Settings, Strategy};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The keys; or give --keys
    #[arg(value_name = "KEY")]
    given: Vec<String>,
    /// A file with a key a line; - is the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "given")]
    keys: Option<PathBuf>,
    /// Who decides
    #[arg(long, value_enum, default_value_t = Strategy::Ring)]
    strategy: Strategy,
    /// Name so many different nodes for each key
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    replicas: usize,
    #[command(flatten)]
    nodes: Nodes,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) fn run(options: &Options, out: &mut dyn Write) -> Result<()> {
    let mut all: Vec<Vec<u8>> = options
        .given
        .iter()
        .map(|key| key.clone().into_bytes())
        .collect();
    match &options.keys {
        Some(path) => all.extend(keys::load(path)?),
        None if all.is_empty() => bail!(
            "which keys? Write them behind the command, or give --keys FILE (- is the standard input)"
        ),
        None => {}
    }
    if options.replicas == 0 {
        bail!("--replicas 0: a key is held by one node at least");
    }
    let mut distinct = all.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let nodes = options.nodes.list()?;
    let built = options.strategy.build(&options.settings, &nodes, &distinct);
    let built = built.with_context(|| options.strategy.options(&options.settings))?;
    for key in &all {
        let named = built.partitioner().replicas(key, options.replicas);
        let names: Vec<String> = named.iter().map(ToString::to_string).collect();
        out.write_all(key)?;
        writeln!(out, "\t{}", names.join(" "))?;
    }
    Ok(())
}
