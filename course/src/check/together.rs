//! One build with the reference, the stubs and all variants of a crate, and those builds that must be apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::diagnostic::Diagnostic;
use super::modules;
use super::runs::{self, Binary, Run, Subject};
use super::splice::{self, Spliced};
use crate::build::{self, Built};
use crate::report::{Report, Verdict};
use crate::source::SourceFile;
use crate::tree::Tree;
use crate::variants::{Kind, Variant, shown};
use crate::workspace::Workspace;

/// A crate, and the texts that stand for its files.
pub(super) struct Crate<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) krate: &'a str,
    pub(super) files: &'a [SourceFile],
}

impl Crate<'_> {
    /// The directory of the package, from the workspace's root.
    fn package(&self) -> Result<&Path> {
        Ok(self
            .workspace
            .package(self.krate)?
            .dir
            .strip_prefix(&self.workspace.root)?)
    }

    /// Where a copy is.
    fn copy(&self, what: &str) -> PathBuf {
        let name = format!("{}-{what}", self.krate);
        self.workspace.target.join("check").join(name)
    }

    /// Builds a copy of the crate and of what it needs, in which `texts`, by their paths from the workspace's root, stand for
    /// its files.
    fn build(
        &self,
        what: &str,
        texts: &BTreeMap<PathBuf, String>,
        args: &[&str],
    ) -> Result<(Built, Vec<Diagnostic>)> {
        let name = format!("{}-{what}", self.krate);
        let mut tree = Tree::of_packages(self.workspace, &[self.krate], &name)?;
        for (path, text) in texts {
            tree.insert(path, text.as_str());
        }
        let dir = self.copy(what);
        tree.write(&dir)?;
        let args = [args, &["--package", self.krate]].concat();
        let built = build::cargo(self.workspace, &dir, &args)?;
        let diagnostics = Diagnostic::all(&built, &dir);
        Ok((built, diagnostics))
    }

    /// Builds the graded tests with every solution in them. A variant that does not compile is taken out of the list, and
    /// the build begun again without it.
    ///
    /// A file of `apart` whose marked functions are free ones comes along as a module beside the file that it stands for;
    /// where that does not compile, it is built apart.
    pub(super) fn build_all(
        &self,
        variants: &mut Vec<Variant>,
        apart: &mut Vec<Variant>,
        findings: &mut Vec<String>,
    ) -> Result<Binary> {
        let modules = apart.extract_if(.., |variant| modules::can_be_one(variant, self.files));
        variants.extend(modules);
        loop {
            let mut texts = BTreeMap::new();
            let mut spliced = BTreeMap::new();
            for file in self.files {
                let text = splice::splice(file, variants);
                texts.insert(file.path.clone(), text.text.clone());
                spliced.insert(file.path.clone(), text);
            }
            self.add_module(&mut texts)?;
            let modules = self.add_modules(variants, &mut texts)?;
            let (built, diagnostics) = self.build("variants", &texts, &GRADED_TESTS)?;
            let mut broken = BTreeSet::new();
            for diagnostic in &diagnostics {
                let (sentence, variant) = match modules.get(&diagnostic.file) {
                    Some(&index) => (self.of_file(diagnostic, &variants[index]), Some(index)),
                    None => describe(diagnostic, &spliced),
                };
                let again = variant.is_some_and(|index| variants[index].replaces.is_some());
                // A warning is told when all compiles: a build with errors may not come to it.
                if if diagnostic.is_error {
                    !again
                } else {
                    built.succeeded
                } {
                    findings.push(sentence);
                }
                broken.extend(variant.filter(|_| diagnostic.is_error));
            }
            if built.succeeded {
                return self.binary(&built, "variants");
            }
            if broken.is_empty() {
                let errors = findings.join("\n");
                let krate = self.krate;
                bail!(
                    "{krate} with its variants does not compile:\n{errors}\n{}",
                    built.log
                );
            }
            let mut index = 0;
            let removed = variants.extract_if(.., |_| {
                index += 1;
                broken.contains(&(index - 1))
            });
            apart.extend(removed.filter(|variant| variant.replaces.is_some()));
        }
    }

    /// Builds and runs variants that stand for whole files. Several are right and of different files: they are run together
    /// first, and each for itself where that does not pass.
    pub(super) fn run_apart(
        &self,
        group: Vec<Variant>,
        variants: &mut Vec<Variant>,
        runs: &mut Vec<Run>,
        reports: &mut Vec<Report>,
        findings: &mut Vec<String>,
    ) -> Result<()> {
        if group.len() > 1 {
            let mut ignored = Vec::new();
            let binary = self.build_apart(&group, &mut ignored)?;
            let run = Run::of("", Subject::Reference, Vec::new());
            let report = binary
                .map(|binary| runs::all(&binary, &[run], variants))
                .transpose()?;
            if let Some(report) = report.and_then(|mut reports| reports.pop())
                && report.tests.iter().all(|test| test.verdict == Verdict::Ok)
            {
                findings.extend(ignored);
                for variant in group {
                    runs.push(Run::of(
                        &variant.id,
                        Subject::Variant(variants.len()),
                        Vec::new(),
                    ));
                    reports.push(report.clone());
                    variants.push(variant);
                }
                return Ok(());
            }
        }
        for variant in group {
            if let Some(binary) = self.build_apart(std::slice::from_ref(&variant), findings)? {
                let run = Run::of(&variant.id, Subject::Variant(variants.len()), Vec::new());
                variants.push(variant);
                reports.extend(runs::all(&binary, std::slice::from_ref(&run), variants)?);
                runs.push(run);
            }
        }
        Ok(())
    }

    /// Builds the graded tests with the files that variants bring along; none where they do not compile.
    fn build_apart(&self, group: &[Variant], findings: &mut Vec<String>) -> Result<Option<Binary>> {
        let mut texts = BTreeMap::new();
        for variant in group {
            let Some(replaces) = &variant.replaces else {
                continue;
            };
            let path = self.package()?.join(replaces);
            if !self.workspace.root.join(&path).exists() {
                let (file, path) = (shown(&variant.path), shown(&path));
                findings.push(format!("{file} replaces {path}, which is no file"));
                return Ok(None);
            }
            texts.insert(path, variant.text.clone());
        }
        let (built, diagnostics) = self.build("apart", &texts, &GRADED_TESTS)?;
        findings.extend(diagnostics.iter().map(|diagnostic| {
            let is_it = |variant: &&Variant| {
                let replaces = variant.replaces.as_ref();
                replaces.is_some_and(|replaces| diagnostic.file.ends_with(replaces))
            };
            match group.iter().find(is_it) {
                Some(variant) => self.of_file(diagnostic, variant),
                None => format!(
                    "{}:{}: {}",
                    shown(&diagnostic.file),
                    diagnostic.line,
                    with_level(diagnostic)
                ),
            }
        }));
        if !built.succeeded && diagnostics.is_empty() {
            bail!(
                "{} with a file of a variant cannot be built:\n{}",
                self.krate,
                built.log
            );
        }
        built
            .succeeded
            .then(|| self.binary(&built, "apart"))
            .transpose()
    }

    /// A diagnostic of the file that a variant brings along, as a sentence.
    fn of_file(&self, diagnostic: &Diagnostic, variant: &Variant) -> String {
        format!(
            "{}:{}: {}",
            shown(&variant.path),
            diagnostic.line,
            with_level(diagnostic)
        )
    }

    /// Adds the files that come along as modules; returns their paths, with the place of the variant in the list.
    fn add_modules(
        &self,
        variants: &[Variant],
        texts: &mut BTreeMap<PathBuf, String>,
    ) -> Result<BTreeMap<PathBuf, usize>> {
        let mut modules = BTreeMap::new();
        for (index, variant) in variants.iter().enumerate() {
            let Some(replaces) = &variant.replaces else {
                continue;
            };
            let file = self.package()?.join(replaces);
            let parent = modules::parent(&self.workspace.root, &file)?;
            let text = match texts.get(&parent) {
                Some(text) => text.clone(),
                None => self.read(&parent)?,
            };
            texts.insert(parent, modules::declare(&text, &file, index)?);
            let module = file.with_file_name(format!("{}.rs", modules::name(index)));
            texts.insert(module.clone(), variant.text.clone());
            modules.insert(module, index);
        }
        Ok(modules)
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
            let (built, diagnostics) = self.build("stubs", &texts, args)?;
            for diagnostic in &diagnostics {
                let (file, line) = (shown(&diagnostic.file), diagnostic.line);
                let sentence = format!(
                    "with every exercise a stub, {file}:{line}: {}",
                    with_level(diagnostic)
                );
                if !findings.contains(&sentence) {
                    findings.push(sentence);
                }
            }
            if !built.succeeded && diagnostics.is_empty() {
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

    fn binary(&self, built: &Built, copy: &str) -> Result<Binary> {
        let file = built
            .program(GRADED)
            .with_context(|| format!("{} has no test target {GRADED:?}", self.krate))?;
        Ok(Binary {
            file,
            package: self.copy(copy).join(self.package()?),
        })
    }
}

/// Variants to build together: the right ones of different files, and each other one alone.
pub(super) fn groups(apart: Vec<Variant>) -> Vec<Vec<Variant>> {
    let mut groups: Vec<Vec<Variant>> = Vec::new();
    for variant in apart {
        let fits = |group: &&mut Vec<Variant>| {
            let differ =
                |other: &Variant| other.kind == Kind::Right && other.replaces != variant.replaces;
            variant.kind == Kind::Right && group.iter().all(differ)
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(variant),
            None => groups.push(vec![variant]),
        }
    }
    groups
}

/// The test target whose tests grade.
const GRADED: &str = "graded";

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
