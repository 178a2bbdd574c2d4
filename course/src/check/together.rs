//! One build with the reference, the stubs and all variants of a crate, and those builds that must be apart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::build::{self, Built, Diagnostic, GRADED};
use super::runs::{self, Binary};
use super::splice::{self, Spliced};
use super::tree;
use crate::source::SourceFile;
use crate::variants::{Variant, shown};
use crate::workspace::Workspace;

/// A crate, and the texts that stand for its files.
pub(super) struct Subject<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) krate: &'a str,
    pub(super) files: &'a [SourceFile],
}

impl Subject<'_> {
    /// Where copies are made: `<target>/check/<crate>-<what>`.
    fn copy_dir(&self, what: &str) -> PathBuf {
        self.workspace
            .target
            .join("check")
            .join(format!("{}-{what}", self.krate))
    }

    /// The directory of the package, from the workspace's root.
    fn package(&self) -> Result<&Path> {
        Ok(self
            .workspace
            .package(self.krate)?
            .dir
            .strip_prefix(&self.workspace.root)?)
    }

    fn build(&self, copy: &str, texts: &BTreeMap<PathBuf, String>, args: &[&str]) -> Result<Built> {
        let dir = self.copy_dir(copy);
        tree::copy(self.workspace, self.krate, &dir, texts)?;
        let args = [args, &["--package", self.krate]].concat();
        build::cargo(self.workspace, &dir, &args)
    }

    /// Builds the graded tests with every solution in them. A variant that does not compile is taken out of the list, and
    /// the build begun again without it.
    pub(super) fn build_all(
        &self,
        variants: &mut Vec<Variant>,
        findings: &mut Vec<String>,
    ) -> Result<Binary> {
        loop {
            let mut texts = BTreeMap::new();
            let mut spliced = BTreeMap::new();
            for file in self.files {
                let text = splice::splice(file, variants);
                texts.insert(file.path.clone(), text.text.clone());
                spliced.insert(file.path.clone(), text);
            }
            self.add_module(&mut texts)?;
            let built = self.build("variants", &texts, &GRADED_TESTS)?;
            let mut broken = BTreeSet::new();
            for diagnostic in &built.diagnostics {
                let (sentence, variant) = describe(diagnostic, &spliced);
                // A warning is told when all compiles: a build with errors may not come to it.
                if diagnostic.is_error || built.succeeded {
                    findings.push(sentence);
                }
                broken.extend(variant.filter(|_| diagnostic.is_error));
            }
            if built.succeeded {
                return self.binary(built, "variants");
            }
            if broken.is_empty() {
                let errors = findings.join("\n");
                bail!(
                    "{} with its variants does not compile:\n{errors}\n{}",
                    self.krate,
                    built.log
                );
            }
            let mut index = 0;
            variants.retain(|_| {
                index += 1;
                !broken.contains(&(index - 1))
            });
        }
    }

    /// Builds the graded tests with the file that a variant brings along; none where it does not compile.
    pub(super) fn build_apart(
        &self,
        variant: &Variant,
        findings: &mut Vec<String>,
    ) -> Result<Option<Binary>> {
        let replaces = variant
            .replaces
            .as_deref()
            .context("a variant that replaces nothing")?;
        let path = self.package()?.join(replaces);
        if !self.workspace.root.join(&path).exists() {
            findings.push(format!(
                "{} replaces {}, which is no file",
                shown(&variant.path),
                shown(&path)
            ));
            return Ok(None);
        }
        let texts = BTreeMap::from([(path.clone(), variant.text.clone())]);
        let built = self.build("apart", &texts, &GRADED_TESTS)?;
        findings.extend(built.diagnostics.iter().map(|diagnostic| {
            let file = if diagnostic.file == path {
                &variant.path
            } else {
                &diagnostic.file
            };
            format!(
                "{}:{}: {}",
                shown(file),
                diagnostic.line,
                with_level(diagnostic)
            )
        }));
        if !built.succeeded && built.diagnostics.is_empty() {
            bail!("{} cannot be built:\n{}", shown(&variant.path), built.log);
        }
        built
            .succeeded
            .then(|| self.binary(built, "apart"))
            .transpose()
    }

    /// Builds what a student gets: every exercise a stub. `is_whole` for all targets with the default features too, where
    /// the quick look is at the library and the graded tests alone.
    pub(super) fn build_stubs(&self, is_whole: bool, findings: &mut Vec<String>) -> Result<()> {
        let mut texts = BTreeMap::new();
        for file in self.files {
            texts.insert(file.path.clone(), file.stubbed(&|_| true)?);
        }
        let whole = ["check", "--all-targets"];
        let builds: [(&[&str], bool); 2] = [(&GRADED_TESTS, true), (&whole, is_whole)];
        for (args, _) in builds.iter().filter(|(_, wanted)| *wanted) {
            let built = self.build("stubs", &texts, args)?;
            for diagnostic in &built.diagnostics {
                let (file, line) = (shown(&diagnostic.file), diagnostic.line);
                let sentence = format!(
                    "with every exercise a stub, {file}:{line}: {}",
                    with_level(diagnostic)
                );
                if !findings.contains(&sentence) {
                    findings.push(sentence);
                }
            }
            if !built.succeeded && built.diagnostics.is_empty() {
                bail!(
                    "the stubs of {} cannot be built:\n{}",
                    self.krate,
                    built.log
                );
            }
        }
        Ok(())
    }

    /// Adds the module that chooses to the library's root.
    fn add_module(&self, texts: &mut BTreeMap<PathBuf, String>) -> Result<()> {
        let src = self.package()?.join("src");
        let root = src.join("lib.rs");
        let file = self.workspace.root.join(&root);
        let text = match texts.remove(&root) {
            Some(text) => text,
            None => std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?,
        };
        texts.insert(root, format!("{text}\nmod {};\n", splice::MODULE_NAME));
        texts.insert(
            src.join(format!("{}.rs", splice::MODULE_NAME)),
            splice::MODULE.to_owned(),
        );
        Ok(())
    }

    fn binary(&self, built: Built, copy: &str) -> Result<Binary> {
        let file = built
            .binary
            .with_context(|| format!("{} has no test target {GRADED:?}", self.krate))?;
        Ok(runs::binary(file, &self.copy_dir(copy), self.package()?))
    }
}

/// Without default features: the cores alone, as in a handout.
const GRADED_TESTS: [&str; 5] = [
    "test",
    "--no-run",
    "--no-default-features",
    "--test",
    GRADED,
];

/// A diagnostic as a sentence on the file that a person wrote, and the variant that it is of.
fn describe(
    diagnostic: &Diagnostic,
    spliced: &BTreeMap<PathBuf, Spliced>,
) -> (String, Option<usize>) {
    let said = with_level(diagnostic);
    let origin = spliced
        .get(&diagnostic.file)
        .and_then(|text| text.origin(diagnostic.line));
    let Some(origin) = origin else {
        return (
            format!("{}:{}: {said}", shown(&diagnostic.file), diagnostic.line),
            None,
        );
    };
    let place = format!("{}:{}", shown(&origin.path), origin.line);
    match origin.variant {
        Some((variant, function)) => (format!("{place}: in `{function}`: {said}"), Some(variant)),
        None => (format!("{place}: {said}"), None),
    }
}

fn with_level(diagnostic: &Diagnostic) -> String {
    let level = if diagnostic.is_error {
        "error"
    } else {
        "warning"
    };
    format!("{level}: {}", diagnostic.text)
}
