//! The shell commands, as Hadoop's users know them: single dashes, the same output, the same error lines, the same exit
//! codes (0, 1 when something failed, 255 when the command line is wrong).

pub(crate) mod admin;
pub(crate) mod balancer;
pub(crate) mod debug;
pub(crate) mod dfs;
mod format;
pub(crate) mod fsck;
mod mode_change;
pub(crate) mod offline;
mod paths;

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use mini_hdfs::error::FsError;
use mini_hdfs::server::connector::Connector;
use mini_hdfs::server::dfs_client::{ClientSettings, DfsClient, DfsError};
use mini_hdfs::server::hostname;
use mini_hdfs::server::settings::Settings;

/// Everything behind the name of the command.
#[derive(clap::Args)]
pub(crate) struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// How a command ends that does not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something failed, and was or is to be told: exit code 1.
    Failed(Option<String>),
    /// The command line is wrong: exit code 255.
    Usage(String),
    /// Whoever reads our output has enough of it.
    BrokenPipe,
}

impl Failure {
    pub(crate) fn said(text: impl Into<String>) -> Failure {
        Failure::Failed(Some(text.into()))
    }
}

impl From<io::Error> for Failure {
    /// Of an error of the standard output.
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::said(format!("cannot write to the standard output: {error}")),
        }
    }
}

impl From<DfsError> for Failure {
    fn from(error: DfsError) -> Failure {
        Failure::said(error.to_string())
    }
}

/// The end of Hadoop's error line: `ls: '/x': No such file or directory`.
pub(crate) fn reason(error: &DfsError) -> String {
    match error.refusal() {
        Some(FsError::FileNotFound(path)) => format!("`{path}': No such file or directory"),
        Some(FsError::FileAlreadyExists(path)) => format!("`{path}': File exists"),
        Some(FsError::PathIsDirectory(path)) => format!("`{path}': Is a directory"),
        Some(FsError::ParentNotDirectory(path)) => format!("`{path}': Is not a directory"),
        Some(FsError::PathIsNotEmptyDirectory(path)) => {
            format!("`{path}': Directory is not empty")
        }
        _ => error.to_string(),
    }
}

/// Runs a command and turns what comes of it into an exit code.
pub(crate) fn run(
    command: impl FnOnce(&[String], &mut dyn Write) -> Result<(), Failure>,
    words: &Words,
) -> ExitCode {
    let mut out = io::BufWriter::with_capacity(64 << 10, io::stdout());
    // The beginning of a trace, where there are any.
    let span = tracing::info_span!(target: "mini_hdfs", "command", words = words.words.join(" "));
    let ran = span.in_scope(|| command(&words.words, &mut out));
    drop(span);
    let ran = out.flush().map_err(Failure::from).and(ran);
    match ran {
        Ok(()) | Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
        Err(Failure::Failed(None)) => ExitCode::FAILURE,
        Err(Failure::Failed(Some(text))) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
        Err(Failure::Usage(text)) => {
            eprintln!("{text}");
            ExitCode::from(255)
        }
    }
}

/// What Hadoop's generic options say: which file system, and settings.
#[derive(Debug)]
pub(crate) struct Generic {
    pub(crate) client: DfsClient,
    /// What `-D` said.
    pub(crate) settings: Settings,
}

impl Generic {
    /// Takes the options from the front of `words`, and returns the rest.
    pub(crate) fn parse(words: &[String]) -> Result<(Generic, &[String]), Failure> {
        let (mut name_node, mut socks, mut define) = (None, None, Vec::new());
        let mut rest = words;
        while let [option, after @ ..] = rest {
            let (option, inline) = match option.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value)),
                _ => (option.as_str(), None),
            };
            if let Some(setting) = option.strip_prefix("-D").filter(|s| s.contains('=')) {
                define.push(setting.to_owned());
                rest = after;
                continue;
            }
            if !["-fs", "--namenode", "--socks", "-D"].contains(&option) {
                break;
            }
            let (value, after) = match (inline, after) {
                (Some(value), _) => (value, after),
                (None, [value, after @ ..]) => (value.as_str(), after),
                (None, []) => return Err(Failure::Usage(format!("{option}: expected a value"))),
            };
            match option {
                "-D" => define.push(value.to_owned()),
                "--socks" => socks = Some(value.to_owned()),
                _ => name_node = Some(paths::authority(value).unwrap_or(value).to_owned()),
            }
            rest = after;
        }
        let uri = rest.iter().find_map(|word| paths::authority(word));
        let name_node = name_node
            .or_else(|| uri.map(str::to_owned))
            .or_else(|| std::env::var("MINI_HDFS_NAMENODE").ok())
            .filter(|address| !address.is_empty())
            .unwrap_or_else(|| "127.0.0.1:8020".to_owned());
        let settings = Settings::parse(&define).map_err(|e| Failure::Usage(e.to_string()))?;
        let client = connect(&name_node, socks.as_deref(), &settings)?;
        Ok((Generic { client, settings }, rest))
    }
}

fn connect(
    name_node: &str,
    socks: Option<&str>,
    settings: &Settings,
) -> Result<DfsClient, Failure> {
    let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
    let mut client = ClientSettings::new(name_node, &paths::user())
        .with(settings)
        .map_err(|e| usage(&e))?;
    client.host = Some(hostname());
    if let Some(socks) = socks {
        let socks: SocketAddr = socks
            .parse()
            .map_err(|e| Failure::Usage(format!("--socks {socks}: {e}")))?;
        client.connector = Connector::socks5(socks);
    }
    DfsClient::connect(client).map_err(|e| usage(&e))
}
