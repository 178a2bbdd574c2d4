//! Building a copy, and what the compiler says of it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::workspace::{self, Workspace};

/// The test target whose tests grade.
pub(super) const GRADED: &str = "graded";

/// An error or a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diagnostic {
    pub(super) is_error: bool,
    /// What it says, with the label of its place.
    pub(super) text: String,
    /// From the copy's root.
    pub(super) file: PathBuf,
    /// From 1.
    pub(super) line: usize,
}

/// How a build ended.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) succeeded: bool,
    /// Each once, in the compiler's order.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The binary of graded tests.
    pub(super) binary: Option<PathBuf>,
    /// What cargo itself said.
    pub(super) log: String,
}

/// Runs cargo in a copy. Everything is on this machine already, so the network is not asked.
pub(super) fn cargo(workspace: &Workspace, dir: &Path, args: &[&str]) -> Result<Built> {
    let output = workspace::cargo()
        .args(args)
        .args(["--offline", "--message-format=json"])
        .env("CARGO_TARGET_DIR", &workspace.target)
        .current_dir(dir)
        .output()
        .with_context(|| format!("cannot run cargo in {}", dir.display()))?;
    let mut built = Built {
        succeeded: output.status.success(),
        log: String::from_utf8_lossy(&output.stderr).into_owned(),
        ..Built::default()
    };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        // What tests or build scripts print is no message of cargo's.
        if let Ok(message) = serde_json::from_str::<Message>(line) {
            if let Some(diagnostic) = message.message.and_then(|message| message.read(dir))
                && !built.diagnostics.contains(&diagnostic)
            {
                built.diagnostics.push(diagnostic);
            }
            if message.target.is_some_and(|target| target.name == GRADED) {
                built.binary = message.executable.or(built.binary);
            }
        }
    }
    Ok(built)
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

#[derive(Deserialize)]
struct CompilerMessage {
    message: String,
    level: String,
    spans: Vec<Span>,
}

#[derive(Clone, Deserialize)]
struct Span {
    file_name: PathBuf,
    line_start: usize,
    is_primary: bool,
    label: Option<String>,
    expansion: Option<Box<Expansion>>,
}

#[derive(Clone, Deserialize)]
struct Expansion {
    span: Span,
}

impl CompilerMessage {
    /// None for notes, and for sums such as "3 warnings emitted", which have no place.
    fn read(self, dir: &Path) -> Option<Diagnostic> {
        let mut span = self.spans.iter().find(|span| span.is_primary)?;
        let label = span
            .label
            .as_ref()
            .map_or(String::new(), |label| format!(" ({label})"));
        // What a macro of another package says, it says of the place that calls it.
        while let Some(expansion) = &span.expansion {
            span = &expansion.span;
        }
        (self.level == "error" || self.level == "warning").then(|| Diagnostic {
            is_error: self.level == "error",
            text: format!("{}{label}", self.message.lines().next().unwrap_or_default()),
            file: span
                .file_name
                .strip_prefix(dir)
                .unwrap_or(&span.file_name)
                .to_owned(),
            line: span.line_start,
        })
    }
}
