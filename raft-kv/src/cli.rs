//! The tools, with the flags and the output of etcdctl's where it has them.

/// Prints a line. Whoever reads may have gone (`| head`): then nothing is left to do.
macro_rules! say {
    ($($line:tt)*) => { $crate::cli::print(format!("{}\n", format_args!($($line)*)).as_bytes()) };
}

pub(crate) mod cluster;
pub(crate) mod kv;
pub(crate) mod lease;
pub(crate) mod lock;
pub(crate) mod perf;
pub(crate) mod txn;
pub(crate) mod watch;

use std::io::{Write, stdout};
use std::time::Duration;

use anyhow::{Context, Result};
use raft_kv::client::Client;
use raft_kv::client::recipes::prefix_end;

/// Prints bytes as they are: keys and values need be no text.
fn print(bytes: &[u8]) {
    let mut stdout = stdout().lock();
    if stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .is_err()
    {
        std::process::exit(1);
    }
}

/// Prints bytes and the end of a line.
fn print_line(bytes: &[u8]) {
    print(&[bytes, b"\n"].concat());
}

/// Where the cluster is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Connection {
    /// Members of the cluster
    #[arg(
        long,
        global = true,
        env = "ETCDCTL_ENDPOINTS",
        value_name = "HOST:PORT,…",
        default_value = "127.0.0.1:2379",
        value_delimiter = ','
    )]
    endpoints: Vec<String>,
    /// Seconds that a request may take
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 5)]
    command_timeout: u64,
}

impl Connection {
    pub(crate) fn client(&self) -> Result<Client> {
        Ok(Client::new(&self.endpoints)?.with_timeout(Duration::from_secs(self.command_timeout)))
    }
}

/// Runs a command to its end.
pub(crate) fn block_on(command: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}

/// Which keys: KEY, KEY to END, all that begin with KEY, or all from KEY on.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Keys {
    /// The key, or the first one
    #[arg(value_name = "KEY")]
    key: String,
    /// The key behind the last one
    #[arg(value_name = "END")]
    end: Option<String>,
    /// All keys that begin with KEY
    #[arg(long, conflicts_with_all = ["end", "from_key"])]
    prefix: bool,
    /// All keys from KEY on
    #[arg(long, conflicts_with = "end")]
    from_key: bool,
}

impl Keys {
    /// As the protocol has it: the key, and the end of the range.
    fn range(&self) -> (Vec<u8>, Vec<u8>) {
        let key = self.key.clone().into_bytes();
        match (&self.end, self.prefix, self.from_key) {
            (Some(end), ..) => (key, end.clone().into_bytes()),
            // All keys.
            (None, true, _) | (None, _, true) if key.is_empty() => (vec![0], vec![0]),
            (None, true, _) => {
                let end = prefix_end(&key);
                (key, end)
            }
            (None, false, true) => (key, vec![0]),
            (None, false, false) => (key, Vec::new()),
        }
    }
}

/// An id as tools show it: hexadecimal.
fn id(text: &str) -> Result<u64> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16)
        .with_context(|| format!("{text}: expected a hexadecimal id"))
}

fn lease_id(text: &str) -> Result<i64> {
    i64::from_str_radix(text.trim_start_matches("0x"), 16)
        .with_context(|| format!("{text}: expected a lease's id, hexadecimal"))
}

/// Ctrl-C or SIGTERM.
async fn interrupted() {
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
