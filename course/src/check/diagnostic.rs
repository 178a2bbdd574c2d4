//! What the compiler says of a copy.

use std::path::{Path, PathBuf};

use crate::build::{Built, CompilerMessage};

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

impl Diagnostic {
    /// Those of a build in `dir`, each once, in the compiler's order.
    pub(super) fn all(built: &Built, dir: &Path) -> Vec<Diagnostic> {
        let mut all = Vec::new();
        for diagnostic in (built.messages.iter()).filter_map(|said| Diagnostic::read(said, dir)) {
            if !all.contains(&diagnostic) {
                all.push(diagnostic);
            }
        }
        all
    }

    /// None for notes, and for sums such as "3 warnings emitted", which have no place.
    fn read(said: &CompilerMessage, dir: &Path) -> Option<Diagnostic> {
        let mut span = said.spans.iter().find(|span| span.is_primary)?;
        let label = span
            .label
            .as_ref()
            .map_or(String::new(), |label| format!(" ({label})"));
        // What a macro of another package says, it says of the place that calls it.
        while let Some(expansion) = &span.expansion {
            span = &expansion.span;
        }
        (said.level == "error" || said.level == "warning").then(|| Diagnostic {
            is_error: said.level == "error",
            text: format!("{}{label}", said.message.lines().next().unwrap_or_default()),
            file: span
                .file_name
                .strip_prefix(dir)
                .unwrap_or(&span.file_name)
                .to_owned(),
            line: span.line_start,
        })
    }
}
