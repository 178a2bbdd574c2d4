//! Running cargo in a copy of the workspace, and reading its messages.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace::{self, Workspace};

/// How long a build may take. The first one of all compiles every dependency.
const BUILD_MAX: Duration = Duration::from_secs(1800);

/// How a build ended.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) succeeded: bool,
    /// In the compiler's order.
    pub(crate) messages: Vec<CompilerMessage>,
    /// Programs, by the name of their target.
    programs: Vec<(String, PathBuf)>,
    /// What cargo itself said.
    pub(crate) log: String,
}

impl Built {
    /// The program that was built last of the target.
    pub(crate) fn program(&self, target: &str) -> Option<PathBuf> {
        let mut programs = self.programs.iter().rev();
        let found = programs.find(|(name, _)| name == target);
        found.map(|(_, program)| program.clone())
    }
}

/// An error, a warning or a note.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CompilerMessage {
    pub(crate) message: String,
    pub(crate) level: String,
    pub(crate) spans: Vec<Span>,
    /// All of it, as the compiler prints it.
    pub(crate) rendered: Option<String>,
}

/// A place in a source.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Span {
    /// From the root of the workspace.
    pub(crate) file_name: PathBuf,
    /// From 1.
    pub(crate) line_start: usize,
    pub(crate) is_primary: bool,
    pub(crate) label: Option<String>,
    /// The call of the macro that the place is in.
    pub(crate) expansion: Option<Box<Expansion>>,
}

/// A call of a macro.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Expansion {
    pub(crate) span: Span,
}

/// A line of cargo's, as far as it is used.
#[derive(Deserialize)]
struct Message {
    message: Option<CompilerMessage>,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

/// Runs cargo in `dir`, building where the workspace does. Everything is on this machine already, so the network is not asked.
///
/// # Errors
/// When cargo cannot be run, or does not end in time.
pub(crate) fn cargo(workspace: &Workspace, dir: &Path, args: &[&str]) -> Result<Built> {
    let mut child = workspace::cargo()
        .args(args)
        .args(["--offline", "--message-format=json"])
        .env("CARGO_TARGET_DIR", &workspace.target)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run cargo in {}", dir.display()))?;
    let stdout = read(child.stdout.take().context("no output")?);
    let stderr = read(child.stderr.take().context("no output")?);
    let Ok(lines) = stdout.recv_timeout(BUILD_MAX) else {
        child.kill().context("cannot end a build")?;
        child.wait().context("cannot wait for cargo")?;
        bail!("a build has not ended after {BUILD_MAX:?}");
    };
    let mut built = Built {
        succeeded: child.wait().context("cannot wait for cargo")?.success(),
        log: stderr.recv().unwrap_or_default(),
        ..Built::default()
    };
    // What a build script prints is no message of cargo's.
    for line in (lines.lines()).filter_map(|line| serde_json::from_str::<Message>(line).ok()) {
        built.messages.extend(line.message);
        if let (Some(target), Some(program)) = (line.target, line.executable) {
            built.programs.push((target.name, program));
        }
    }
    Ok(built)
}

/// All that comes out of a stream, once it has ended.
fn read(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        // Nobody waits any more once the time is over.
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}
