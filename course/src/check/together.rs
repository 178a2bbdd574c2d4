//! One build with the reference, the stubs and all variants of a crate, and those builds that must be apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::build::{self, Built, Diagnostic, GRADED};
use super::runs::Binary;
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
    /// The directory of the package, from the workspace's root.
    fn package(&self) -> Result<&Path> {
        Ok(self
            .workspace
            .package(self.krate)?
            .dir
            .strip_prefix(&self.workspace.root)?)
    }

    /// The name of a copy.
    fn copy(&self, what: &str) -> String {
        format!("{}-{what}", self.krate)
    }

    fn build(&self, copy: &str, texts: &BTreeMap<PathBuf, String>, args: &[&str]) -> Result<Built> {
        let dir = tree::copy(self.workspace, self.krate, &self.copy(copy), texts)?;
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

    /// Compiles what a student gets, every exercise a stub: the cores, and where `is_whole` all targets, without and with the
    /// default features.
    pub(super) fn build_stubs(&self, is_whole: bool, findings: &mut Vec<String>) -> Result<()> {
        let mut texts = BTreeMap::new();
        for file in self.files {
            texts.insert(file.path.clone(), file.stubbed(&|_| true)?);
        }
        // As in a handout: unit tests in the sources are the reference's.
        let manifest = self.package()?.join("Cargo.toml");
        let text = self.read(&manifest)?;
        let mut table: toml::Table = toml::from_str(&text)?;
        let library = table.entry("lib").or_insert(toml::Table::new().into());
        if let Some(library) = library.as_table_mut() {
            library.insert("test".to_owned(), false.into());
        }
        texts.insert(manifest, toml::to_string(&table)?);
        let builds: [&[&str]; 3] = [
            &["check", "--lib", "--no-default-features"],
            &["check", "--tests", "--no-default-features"],
            &["check", "--all-targets"],
        ];
        for args in &builds[..if is_whole { 3 } else { 1 }] {
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

    /// A file of the workspace.
    fn read(&self, path: &Path) -> Result<String> {
        let file = self.workspace.root.join(path);
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
    }

    /// Adds the module that chooses to the library's root.
    fn add_module(&self, texts: &mut BTreeMap<PathBuf, String>) -> Result<()> {
        let src = self.package()?.join("src");
        let root = src.join("lib.rs");
        let text = match texts.remove(&root) {
            Some(text) => text,
            None => self.read(&root)?,
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
        let dir = tree::dir(self.workspace, &self.copy(copy));
        Ok(Binary {
            file,
            package: dir.join(self.package()?),
        })
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
