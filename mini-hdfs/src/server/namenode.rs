//! The NameNode as a process.

use std::path::PathBuf;

use super::settings::Settings;

/// What `mini-hdfs namenode` can be told.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Directory of the edit log and the fsimages
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where clients and DataNodes call
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8020")]
    pub listen: String,
    /// Where the status page and the metrics are
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9870")]
    pub http: String,
    /// Make an empty file system in DIR, and end
    #[arg(long)]
    pub format: bool,
    /// Make an empty file system if DIR holds none, and go on
    #[arg(long, conflicts_with = "format")]
    pub format_if_new: bool,
    /// Settings with HDFS's keys, as in -D dfs.heartbeat.interval=1s
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub define: Vec<String>,
    /// End when the standard input does
    #[arg(long)]
    pub exit_with_stdin: bool,
    /// The SOCKS5 listener that other servers dial through; a NameNode dials nobody
    #[arg(long, value_name = "HOST:PORT", hide = true)]
    pub socks: Option<std::net::SocketAddr>,
}

/// Runs a NameNode until it is asked to end.
///
/// # Errors
/// When a setting is wrong, an address is taken, or the directory cannot be used.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let config = Settings::parse(&options.define)?.namenode()?;
    todo!("{config:?}")
}
