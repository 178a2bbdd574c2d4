//! `mini-mapreduce streaming …`: Hadoop Streaming.

use std::io::Write;

use anyhow::Result;
use mini_mapreduce::server::client::PATIENCE;
use mini_mapreduce::server::streaming;

/// Hadoop's options have one dash and come in any order; [`streaming::Options`] knows them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Hadoop's options; -help lists them
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "OPTIONS"
    )]
    words: Vec<String>,
}

/// Runs it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let options = streaming::Options::parse(&options.words)?;
    if options.wants_help {
        // Whoever reads may have gone (`| head`).
        let _ = writeln!(std::io::stdout(), "{}", streaming::USAGE);
        return Ok(());
    }
    let variable = std::env::var("MINI_MAPREDUCE_COORDINATOR").ok();
    let coordinator = options.coordinator.clone().or(variable);
    let coordinator = coordinator.filter(|address| !address.is_empty());
    super::run::run_job(
        &options.job()?,
        coordinator.as_deref(),
        PATIENCE,
        options.slots,
        None,
        options.is_quiet,
    )
}
