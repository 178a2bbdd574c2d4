//! `cargo course stubs`: from the marks in the reference to what a student gets, `exercises/<crate>/src`.
//!
//! What it writes is committed, so that a review sees what students see; `--check` fails where it is stale.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::catalogue::Catalogue;
use crate::opaque;
use crate::source::{self, SourceFile};
use crate::tables;
use crate::workspace::Workspace;

/// What to do.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail where something would be written
    #[arg(long)]
    check: bool,
}

/// Fails where something that is generated is stale.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    run(&Args { check: true }, workspace)
}

/// Writes what is generated from the marks and the list, or checks it.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<()> {
    let catalogue = Catalogue::load(&workspace.root)?;
    let missing = missing(&catalogue, workspace)?;
    for sentence in &missing {
        eprintln!("{sentence}");
    }
    let changes = changes(&catalogue, workspace)?;
    for change in &changes {
        eprintln!("{}", change.describe());
        if !args.check {
            change.apply(&workspace.root)?;
        }
    }
    if args.check && !missing.is_empty() {
        bail!("the list and the marks do not agree");
    }
    if args.check && !changes.is_empty() {
        bail!(
            "{} files are stale; `cargo course stubs` writes them",
            changes.len()
        );
    }
    Ok(())
}

/// A file that is not as it should be.
pub(crate) struct Change {
    /// From the workspace's root.
    path: PathBuf,
    /// None for one that should not be there.
    text: Option<String>,
}

impl Change {
    pub(crate) fn describe(&self) -> String {
        let verb = if self.text.is_some() {
            "write"
        } else {
            "remove"
        };
        format!("{verb} {}", self.path.to_string_lossy().replace('\\', "/"))
    }

    fn apply(&self, root: &Path) -> Result<()> {
        let file = root.join(&self.path);
        let failed = || format!("cannot {}", self.describe());
        match &self.text {
            Some(text) => {
                fs::create_dir_all(file.parent().unwrap_or(root)).with_context(failed)?;
                fs::write(&file, text).with_context(failed)
            }
            None => fs::remove_file(&file).with_context(failed),
        }
    }
}

/// All that is generated and not as it should be.
pub(crate) fn changes(catalogue: &Catalogue, workspace: &Workspace) -> Result<Vec<Change>> {
    let root = &workspace.root;
    let mut expected: BTreeMap<PathBuf, String> = tables::expected(catalogue, root)?;
    expected.extend(opaque::expected(root)?);
    let mut present = BTreeSet::new();
    for krate in crates(catalogue, workspace) {
        let files = marked(catalogue, workspace, krate)?;
        let stubs = Path::new("exercises").join(krate);
        present.extend(source::rust_files(&root.join(&stubs).join("src"))?);
        for file in files {
            let inside = file
                .path
                .strip_prefix(workspace.package(krate)?.dir.strip_prefix(root)?)?;
            expected.insert(stubs.join(inside), file.stubbed(&|_| true)?);
        }
    }
    let mut changes = Vec::new();
    for file in present {
        let path = file.strip_prefix(root)?.to_owned();
        if !expected.contains_key(&path) {
            changes.push(Change { path, text: None });
        }
    }
    for (path, text) in expected {
        if fs::read_to_string(root.join(&path)).ok().as_ref() != Some(&text) {
            changes.push(Change {
                path,
                text: Some(text),
            });
        }
    }
    Ok(changes)
}

/// The marked files of a package of the list.
///
/// # Errors
/// When a mark's exercise is not listed, or is another package's.
pub(crate) fn marked(
    catalogue: &Catalogue,
    workspace: &Workspace,
    krate: &str,
) -> Result<Vec<SourceFile>> {
    let files = source::marked_files(&workspace.root, &workspace.package(krate)?.dir)?;
    let mut seen = BTreeSet::new();
    for file in &files {
        let shown = file.path.display();
        let regions = file.regions.iter().map(|region| &region.id);
        for id in file.bodies.iter().map(|body| &body.id).chain(regions) {
            let exercise = catalogue
                .get(id)
                .with_context(|| format!("{shown} has a mark of {id}"))?;
            if exercise.krate != krate || !exercise.has_marks() {
                bail!(
                    "{shown} has a mark of {id}, which the list gives to {} without one",
                    exercise.krate
                );
            }
        }
        seen.extend(file.ids());
    }
    Ok(files)
}

/// What the list has and the sources have not, as sentences.
fn missing(catalogue: &Catalogue, workspace: &Workspace) -> Result<Vec<String>> {
    let present = crates(catalogue, workspace);
    let mut seen = BTreeSet::new();
    for krate in &present {
        for file in marked(catalogue, workspace, krate)? {
            seen.extend(file.ids().into_iter().map(str::to_owned));
        }
    }
    let mut missing = Vec::new();
    for exercise in &catalogue.exercises {
        let (id, krate) = (&exercise.id, &exercise.krate);
        if !present.contains(&krate.as_str()) {
            missing.push(format!("{id} is of {krate}, which is no package here"));
        } else if exercise.has_marks() && !seen.contains(id) {
            missing.push(format!(
                "{id} has no mark: begin a function in {krate}/src with `// EXERCISE({id}): …`"
            ));
        }
    }
    Ok(missing)
}

/// The packages of the list that are here, in learning order.
pub(crate) fn crates<'a>(catalogue: &'a Catalogue, workspace: &Workspace) -> Vec<&'a str> {
    let is_here = |krate: &&str| workspace.package(krate).is_ok();
    catalogue.crates().into_iter().filter(is_here).collect()
}
