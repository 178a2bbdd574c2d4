//! What goes into a handout: which packages, and which of their files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Args, book, links, manifest, write};
use crate::catalogue::{Catalogue, Exercise, LIST};
use crate::source;
use crate::tables;
use crate::tree;
use crate::workspace::{Layer, Package, Workspace};

/// What is handed out besides the packages and the book, from the workspace's root.
const FILES: [&str; 9] = [
    ".gitattributes",
    "ARCHITECTURE.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "clippy.toml",
    "rust-toolchain.toml",
    LIST,
];

/// What a student needs of `course`.
const COURSE: [&str; 5] = [
    "course/Cargo.toml",
    "course/src/catalogue.rs",
    "course/src/git.rs",
    "course/src/student.rs",
    "course/src/student_main.rs",
];

/// The handout's selection of the reference.
pub(super) struct Contents<'a> {
    /// The packages, as they stand in the workspace.
    pub(super) packages: Vec<&'a Package>,
    catalogue: Catalogue,
    /// The place in the list of the first exercise that is left to do.
    from: usize,
}

/// A file of the handout.
pub(super) enum File {
    /// Taken as it is: from where, and its path in the handout.
    Copy(PathBuf, PathBuf),
    /// Written: its path in the handout.
    Text(PathBuf, String),
}

impl File {
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        match self {
            File::Text(path, text) => write(&dir.join(path), text),
            File::Copy(from, path) => {
                let to = dir.join(path);
                let failed = || format!("cannot copy {} to {}", from.display(), to.display());
                fs::create_dir_all(to.parent().unwrap_or(dir)).with_context(failed)?;
                fs::copy(from, &to).with_context(failed)?;
                Ok(())
            }
        }
    }
}

impl<'a> Contents<'a> {
    /// What the arguments ask for.
    ///
    /// # Errors
    /// When they name a crate or an exercise that is not there.
    pub(super) fn new(
        workspace: &'a Workspace,
        catalogue: Catalogue,
        args: &Args,
    ) -> Result<Contents<'a>> {
        let from = match &args.from {
            Some(id) => catalogue.position(id)?,
            None => 0,
        };
        let crates = catalogue.crates();
        if let Some(name) = args
            .only
            .iter()
            .find(|name| !crates.contains(&name.as_str()))
        {
            bail!(
                "{name:?} is no crate with exercises; there are {}",
                crates.join(", ")
            );
        }
        let is_wanted = |package: &Package| match package.layer {
            Layer::System if args.only.is_empty() => true,
            Layer::System | Layer::Support => args.only.contains(&package.name),
            Layer::Tool => package.name == "course",
        };
        let mut packages: Vec<&Package> = Vec::new();
        let wanted = workspace.packages.iter();
        let wanted = wanted.filter(|package| is_wanted(package)).collect();
        add(&mut packages, wanted, workspace);
        // The lab shows systems, each an optional dependency of it; it comes along with those that are handed out, if any is.
        let has = |name: &str| packages.iter().any(|package| package.name == name);
        let shows = |lab: &&Package| {
            let ours = lab.dependencies.iter().filter(|needed| needed.optional);
            let mut ours = ours.filter(|needed| workspace.package(&needed.name).is_ok());
            ours.any(|needed| has(&needed.name))
        };
        let lab = workspace.package("lab").ok();
        if let Some(lab) = lab.filter(|lab| !args.no_lab && shows(lab)) {
            let support = needs(lab, workspace).into_iter();
            let support = support.filter(|package| package.layer == Layer::Support);
            add(&mut packages, support.collect(), workspace);
            packages.push(lab);
        }
        packages.sort_by_key(|package| package.dir.clone());
        let contents = Contents {
            packages,
            catalogue,
            from,
        };
        if contents.left().next().is_none() {
            bail!("nothing is left to do: no exercise of these crates comes at or after --from");
        }
        Ok(contents)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.packages.iter().any(|package| package.name == name)
    }

    /// The reference's exercises, in learning order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Exercise> + Clone {
        self.catalogue.exercises.iter()
    }

    /// The exercises whose crates are handed out, in learning order.
    pub(super) fn exercises(&self) -> impl Iterator<Item = &Exercise> {
        self.all().filter(|exercise| self.has(&exercise.krate))
    }

    /// Those that are not solved already.
    pub(super) fn left(&self) -> impl Iterator<Item = &Exercise> {
        (self.all().skip(self.from)).filter(|exercise| self.has(&exercise.krate))
    }

    /// A page of the book whose tables list the exercises that are handed out.
    pub(super) fn filled(&self, page: &str) -> Result<String> {
        tables::filled_with(&self.catalogue, &|exercise| self.has(&exercise.krate), page)
    }

    /// All files of the reference that are handed out, changed where a student's differ. A file that git does not track is
    /// none of them.
    pub(super) fn files(&self, workspace: &Workspace) -> Result<Vec<File>> {
        let root = &workspace.root;
        let stubs = self.stubs(root)?;
        let mut paths = tree::tracked(root)?;
        paths.retain(|path| self.is_handed_out(path, root) && !book::is_left_out(path, self));
        let is_gone = |target: &Path| {
            root.join(target).exists() && !paths.iter().any(|path| path.starts_with(target))
        };
        let without = |text: String, name: &str| {
            let is_gone = |name: &str| workspace.package(name).is_ok() && !self.has(name);
            manifest::without(&text, name, &is_gone)
        };
        let mut files = Vec::new();
        for path in paths.iter().cloned() {
            let from = root.join(&path);
            let read = || {
                fs::read_to_string(&from).with_context(|| format!("cannot read {}", from.display()))
            };
            let name = path.to_string_lossy().replace('\\', "/");
            files.push(if let Some(text) = stubs.get(&path) {
                File::Text(path, text.clone())
            } else if name == "Cargo.toml" {
                File::Text(path, manifest::root(&read()?, self, root)?)
            } else if name == "course/Cargo.toml" {
                File::Text(path, manifest::course(&read()?)?)
            } else if name == "course/src/student_main.rs" {
                File::Text("course/src/main.rs".into(), read()?)
            } else if name == LIST {
                File::Text(path, manifest::list(&read()?, self)?)
            } else if name == "lab/Cargo.toml" {
                File::Text(path, manifest::lab(&without(read()?, &name)?)?)
            } else if self.has_exercises(&path, root) {
                let text = without(read()?, &name)?;
                File::Text(path, manifest::with_exercises(&text, &name)?)
            } else if name.ends_with(".md") {
                let page = book::page(&name, &read()?, self)?;
                let page = links::unlinked(&path, &page, &is_gone);
                File::Text(path, page)
            } else {
                File::Copy(from, path)
            });
        }
        Ok(files)
    }

    fn is_handed_out(&self, path: &Path, root: &Path) -> bool {
        let name = path.to_string_lossy().replace('\\', "/");
        if path.starts_with("course") {
            return COURSE.contains(&name.as_str()) || path.starts_with("course/src/student");
        }
        FILES.contains(&name.as_str())
            || path.starts_with("book")
            || (self.packages.iter()).any(|package| {
                path.starts_with(package.dir.strip_prefix(root).unwrap_or(&package.dir))
            })
    }

    /// Whether this is the manifest of a crate that students work in.
    fn has_exercises(&self, path: &Path, root: &Path) -> bool {
        path.ends_with("Cargo.toml")
            && (self.packages.iter())
                .filter(|package| self.catalogue.crates().contains(&package.name.as_str()))
                .any(|package| root.join(path).parent() == Some(&package.dir))
    }

    /// The marked files, as a student gets them.
    fn stubs(&self, root: &Path) -> Result<BTreeMap<PathBuf, String>> {
        // A mark whose exercise is not in the list is left to do.
        let is_solved = |id: &str| self.catalogue.position(id).is_ok_and(|at| at < self.from);
        let mut stubs = BTreeMap::new();
        let crates = self.catalogue.crates();
        for package in &self.packages {
            if !crates.contains(&package.name.as_str()) {
                continue;
            }
            for file in source::marked_files(root, &package.dir)? {
                let text = file.stubbed(&|id| !is_solved(id))?;
                stubs.insert(file.path, text);
            }
        }
        Ok(stubs)
    }
}

/// Adds packages, and whatever they need.
fn add<'a>(packages: &mut Vec<&'a Package>, mut due: Vec<&'a Package>, workspace: &'a Workspace) {
    while let Some(package) = due.pop() {
        if !packages.iter().any(|known| known.name == package.name) {
            packages.push(package);
            due.extend(needs(package, workspace));
        }
    }
}

/// The packages of the workspace that one depends on, for its tests too. What a system can do with another one, it does where that one is
/// handed out.
fn needs<'a>(package: &Package, workspace: &'a Workspace) -> Vec<&'a Package> {
    let ours = |name: &str| {
        workspace
            .packages
            .iter()
            .find(|package| package.name == name)
    };
    let mut needs = Vec::new();
    for dependency in &package.dependencies {
        let system = |package: &Package| package.layer == Layer::System;
        let is_extra = |other: &Package| dependency.optional && system(package) && system(other);
        needs.extend(ours(&dependency.name).filter(|other| !is_extra(other)));
    }
    needs
}
