//! The wrong and the right solutions beside the reference: `exercises/<crate>/wrong/*.rs` and `…/right/*.rs`.
//!
//! A file opens with what is wrong and which test must see it, and goes on with functions as they stand in the source;
//! each takes the place of the marked body of its name. What else is in it, helpers, goes along into that body.

mod read;

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::catalogue::{Catalogue, Exercise};
use crate::source::{self, Body, SourceFile};

/// What a variant is to prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A mistake that a test must catch.
    Wrong,
    /// A solution unlike the reference's that every test must let pass.
    Right,
}

impl Kind {
    /// Its directory.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Wrong => "wrong",
            Kind::Right => "right",
        }
    }
}

/// A solution beside the reference.
#[derive(Clone, Debug)]
pub(crate) struct Variant {
    pub(crate) kind: Kind,
    /// `wrong/same-rack`: what `FAULTLINE_VARIANTS` chooses it by.
    pub(crate) name: String,
    /// The exercise.
    pub(crate) id: String,
    /// From the workspace's root.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// What is wrong, or different.
    pub(crate) about: String,
    /// The tests that must fail, with their modules; of a wrong one alone.
    pub(crate) caught_by: Vec<String>,
    /// The file, from the package's directory, that it stands for as a whole.
    pub(crate) replaces: Option<PathBuf>,
    /// What takes the place of marked bodies; none where it stands for a whole file.
    pub(crate) functions: Vec<Function>,
    /// What the functions use besides.
    pub(crate) helpers: Vec<Helper>,
}

/// A function of a variant.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    /// `f`, or `Type::f`.
    pub(crate) name: String,
    /// The bytes between its braces.
    pub(crate) inner: Range<usize>,
    /// The names of its parameters, as [`Body::params`] has them.
    pub(crate) params: Vec<String>,
    /// The words of its body.
    pub(crate) words: BTreeSet<String>,
    /// The bytes of the whole function.
    pub(crate) range: Range<usize>,
}

/// An item of a variant that is no method.
#[derive(Clone, Debug)]
pub(crate) struct Helper {
    pub(crate) kind: HelperKind,
    /// What it defines or imports; for an `impl`, the type that it is for.
    pub(crate) names: Vec<String>,
    /// The words in it.
    pub(crate) words: BTreeSet<String>,
    /// Its bytes, attributes included.
    pub(crate) range: Range<usize>,
}

/// What a helper is, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HelperKind {
    Import,
    Function,
    Other,
}

impl Variant {
    /// The line of a byte, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        1 + self.text[..offset].matches('\n').count()
    }

    /// `path:line`, for messages.
    pub(crate) fn place(&self, offset: usize) -> String {
        format!("{}:{}", shown(&self.path), self.line(offset))
    }

    /// Those helpers that a function needs: what its body names, what that names, and so on; and imports that nothing
    /// names, since a trait's methods are used without its name.
    pub(crate) fn helpers_of<'a>(&'a self, function: &Function) -> Vec<&'a Helper> {
        let mut words = function.words.clone();
        let mut chosen = vec![false; self.helpers.len()];
        loop {
            let named = |helper: &Helper| helper.names.iter().any(|name| words.contains(name));
            let next = (0..chosen.len()).find(|&i| !chosen[i] && named(&self.helpers[i]));
            let Some(next) = next else { break };
            chosen[next] = true;
            words.extend(self.helpers[next].words.iter().cloned());
        }
        let wanted = |i: &usize| chosen[*i] || self.is_nameless_import(&self.helpers[*i]);
        (0..chosen.len())
            .filter(wanted)
            .map(|i| &self.helpers[i])
            .collect()
    }

    /// Whether this is an import that nothing in the file names.
    pub(crate) fn is_nameless_import(&self, helper: &Helper) -> bool {
        let words = self.functions.iter().map(|function| &function.words);
        let words: Vec<&BTreeSet<String>> = words
            .chain(
                self.helpers
                    .iter()
                    .filter(|other| other.kind != HelperKind::Import)
                    .map(|other| &other.words),
            )
            .collect();
        helper.kind == HelperKind::Import
            && !helper
                .names
                .iter()
                .any(|name| words.iter().any(|words| words.contains(name)))
    }

    /// Settles which functions stand for marked bodies of `files`; the others are helpers. Says what does not fit.
    fn resolve(&mut self, files: &[SourceFile]) -> Vec<String> {
        let mut findings = Vec::new();
        let bodies: Vec<&Body> = files
            .iter()
            .flat_map(|file| &file.bodies)
            .filter(|body| body.id == self.id)
            .collect();
        let names: Vec<&str> = bodies.iter().map(|body| body.name.as_str()).collect();
        let (marked, others): (Vec<Function>, Vec<Function>) = self
            .functions
            .drain(..)
            .partition(|function| names.contains(&function.name.as_str()));
        self.functions = marked;
        for function in others {
            if function.name.contains("::") {
                findings.push(format!(
                    "{}: `{}` is no function that {} marks ({}); a helper must be a free function",
                    self.place(function.range.start),
                    function.name,
                    self.id,
                    names.join(", ")
                ));
            }
            self.helpers.push(Helper {
                kind: HelperKind::Function,
                names: vec![function.name],
                words: read::words(&self.text, &function.range),
                range: function.range,
            });
        }
        self.helpers.sort_by_key(|helper| helper.range.start);
        if self.functions.is_empty() {
            findings.push(format!(
                "{}: none of its functions is one that {} marks: {}",
                shown(&self.path),
                self.id,
                names.join(", ")
            ));
            return findings;
        }
        findings.extend(self.functions.iter().filter_map(|function| {
            let body = bodies.iter().find(|body| body.name == function.name)?;
            self.misfit(function, body)
        }));
        let used: BTreeSet<usize> = (self.functions.iter())
            .flat_map(|function| self.helpers_of(function))
            .map(|helper| helper.range.start)
            .collect();
        let unused = self
            .helpers
            .iter()
            .filter(|helper| !used.contains(&helper.range.start));
        findings.extend(
            unused
                .filter(|helper| !helper.names.iter().any(|name| name.contains("::")))
                .map(|helper| {
                    format!(
                        "{}: `{}` is no function that {} marks ({}), and none of them uses it",
                        self.place(helper.range.start),
                        helper.names.join(", "),
                        self.id,
                        names.join(", ")
                    )
                }),
        );
        findings
    }

    /// What would be an error or a warning where the function stood in the source, but is none in a `match`.
    fn misfit(&self, function: &Function, body: &Body) -> Option<String> {
        let place = self.place(function.range.start);
        if function.params != body.params {
            return Some(format!(
                "{place}: the parameters of `{}` are ({}); the source calls them ({})",
                function.name,
                function.params.join(", "),
                body.params.join(", ")
            ));
        }
        let unused = body
            .params
            .iter()
            .find(|param| !function.words.contains(*param))?;
        Some(format!(
            "{place}: `{}` does not use its parameter `{unused}`, which would be a warning",
            function.name
        ))
    }
}

/// The variants of a package, in the order of their paths, and what is wrong with others.
pub(crate) fn load(
    root: &Path,
    krate: &str,
    catalogue: &Catalogue,
    files: &[SourceFile],
) -> Result<(Vec<Variant>, Vec<String>)> {
    let exercises: Vec<&Exercise> = catalogue.of_crate(krate).collect();
    let (mut variants, mut findings) = (Vec::new(), Vec::new());
    for kind in [Kind::Wrong, Kind::Right] {
        for file in source::rust_files(&root.join("exercises").join(krate).join(kind.name()))? {
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let path = file.strip_prefix(root).unwrap_or(&file);
            let mut variant = match read::variant(kind, path, &text, &exercises) {
                Ok(variant) => variant,
                Err(finding) => {
                    findings.push(finding);
                    continue;
                }
            };
            let problems = match &variant.replaces {
                Some(_) => Vec::new(),
                None => variant.resolve(files),
            };
            if problems.is_empty() {
                variants.push(variant);
            }
            findings.extend(problems);
        }
    }
    Ok((variants, findings))
}

/// A path as messages show it.
pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
