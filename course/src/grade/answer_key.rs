//! What is graded: for each exercise the tests that must be reported ok, and the files that are taken.
//!
//! The names of the tests come from `exercises/<crate>/tests.toml`, which `cargo course check` proves, and not from the
//! binary that runs them: a test that a submission makes vanish has failed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::catalogue::{Catalogue, Exercise};
use crate::check::map;
use crate::source::{self, SourceFile};
use crate::stubs;
use crate::workspace::Workspace;

/// The exercises that are graded, and the packages that they belong to.
pub(crate) struct AnswerKey {
    /// In learning order.
    pub(crate) exercises: Vec<Graded>,
    pub(crate) crates: Vec<Crate>,
}

/// An exercise, and the tests that grade it.
pub(crate) struct Graded {
    pub(crate) exercise: Exercise,
    /// Full names, each worth the same.
    pub(crate) tests: Vec<String>,
}

/// A package with exercises.
pub(crate) struct Crate {
    pub(crate) name: String,
    /// The files that are taken from a submission, with the stub that stands for one which is not there.
    pub(crate) files: BTreeMap<PathBuf, String>,
}

impl AnswerKey {
    /// The key of the workspace: of one package, or of all that have exercises.
    ///
    /// # Errors
    /// When the list, the marks or a `tests.toml` cannot be read, or there is no such package.
    pub(crate) fn load(
        workspace: &Workspace,
        only: &[String],
        processes: bool,
    ) -> Result<AnswerKey> {
        let catalogue = Catalogue::load(&workspace.root)?;
        for name in only {
            ensure!(
                catalogue.of_crate(name).next().is_some(),
                "no exercise belongs to {name:?}; the crates are {}",
                catalogue.crates().join(", ")
            );
        }
        let mut key = AnswerKey {
            exercises: Vec::new(),
            crates: Vec::new(),
        };
        for name in stubs::crates(&catalogue, workspace) {
            if !only.is_empty() && !only.iter().any(|other| other == name) {
                continue;
            }
            let mut map = map::load(&workspace.root, name)?;
            for exercise in catalogue.of_crate(name) {
                let tests = if exercise.has_marks() {
                    map.remove(&exercise.id).unwrap_or_default().tests
                } else if processes {
                    exercise.tests.clone()
                } else {
                    continue;
                };
                ensure!(
                    !tests.is_empty(),
                    "{} has no tests of {}; `cargo course check --bless` writes it",
                    map::path(name).display(),
                    exercise.id
                );
                key.exercises.push(Graded {
                    exercise: exercise.clone(),
                    tests,
                });
            }
            key.crates.push(Crate {
                name: name.to_owned(),
                files: files(workspace, name)?,
            });
        }
        Ok(key)
    }

    /// The files alone, of all packages.
    #[cfg(test)]
    pub(crate) fn files_alone(workspace: &Workspace) -> Result<AnswerKey> {
        let catalogue = Catalogue::load(&workspace.root)?;
        let crates = stubs::crates(&catalogue, workspace).into_iter();
        let files = |name: &str| {
            Ok(Crate {
                name: name.to_owned(),
                files: files(workspace, name)?,
            })
        };
        Ok(AnswerKey {
            exercises: Vec::new(),
            crates: crates.map(files).collect::<Result<_>>()?,
        })
    }

    /// The exercises of a package.
    pub(crate) fn of_crate<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Graded> {
        self.exercises
            .iter()
            .filter(move |graded| graded.exercise.krate == name)
    }

    /// All files that are taken, with their stubs.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&PathBuf, &String)> {
        self.crates.iter().flat_map(|krate| &krate.files)
    }
}

fn files(workspace: &Workspace, name: &str) -> Result<BTreeMap<PathBuf, String>> {
    let package = workspace
        .packages
        .iter()
        .find(|package| package.name == name);
    let package =
        package.with_context(|| format!("there is no package {name:?} in the workspace"))?;
    let files = source::marked_files(&workspace.root, &package.dir)?;
    let stub = |file: SourceFile| Ok((file.path.clone(), file.stubbed(&|_| true)?));
    files.into_iter().map(stub).collect()
}
