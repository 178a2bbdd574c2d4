//! Which exercises a branch changes, as git sees it.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use crate::catalogue::{Catalogue, Exercise};
use crate::git::Git;
use crate::stubs;
use crate::variants::shown;
use crate::workspace::Workspace;

/// The ids of the exercises that have a file which differs from where this branch left `base`: a source with its marks, its
/// tests, a variant, or something that all tests are built from.
pub(super) fn exercises(
    workspace: &Workspace,
    catalogue: &Catalogue,
    base: &str,
) -> Result<BTreeSet<String>> {
    let git = Git::new(&workspace.root);
    let left = git.run(&["merge-base", base, "HEAD"])?;
    let committed = git.run(&["diff", "--name-only", &left])?;
    let new = git.run(&["ls-files", "--others", "--exclude-standard"])?;
    let files = format!("{committed}\n{new}");
    let files: Vec<&str> = files.lines().collect();
    let mut changed = BTreeSet::new();
    for krate in stubs::crates(catalogue, workspace) {
        let package = workspace
            .package(krate)?
            .dir
            .strip_prefix(&workspace.root)?;
        let marked = stubs::marked(catalogue, workspace, krate)?;
        let of = |file: &str, exercise: &Exercise| {
            let slug = exercise.slug();
            (marked.iter().any(|source| {
                shown(&source.path) == file && source.ids().contains(&exercise.id.as_str())
            })) || ["wrong", "right"]
                .iter()
                .any(|kind| file.starts_with(&format!("exercises/{krate}/{kind}/{slug}-")))
                || exercise
                    .tests
                    .iter()
                    .any(|module| is_test(file, package, module))
        };
        let exercises: Vec<&Exercise> = catalogue.of_crate(krate).collect();
        for file in &files {
            let own: Vec<&str> = exercises
                .iter()
                .filter(|exercise| of(file, exercise))
                .map(|exercise| exercise.id.as_str())
                .collect();
            // A file of the tests that is no exercise's own may be used by all of them.
            if own.is_empty()
                && (is_below(file, &package.join("tests/graded")) || concerns_all(file))
            {
                changed.extend(exercises.iter().map(|exercise| exercise.id.clone()));
            }
            changed.extend(own.into_iter().map(str::to_owned));
        }
    }
    Ok(changed)
}

/// Whether the file is the harness, the list, or what makes this proof.
fn concerns_all(file: &str) -> bool {
    [
        "crates/",
        "exercises/exercises.toml",
        "course/src/build.rs",
        "course/src/check",
        "course/src/source",
        "course/src/tree.rs",
        "course/src/variants",
    ]
    .iter()
    .any(|start| file.starts_with(start))
}

fn is_test(file: &str, package: &Path, module: &str) -> bool {
    let module = package.join("tests/graded").join(module);
    file == format!("{}.rs", shown(&module)) || is_below(file, &module)
}

fn is_below(file: &str, dir: &Path) -> bool {
    file.strip_prefix(&shown(dir))
        .is_some_and(|rest| rest.starts_with('/'))
}
