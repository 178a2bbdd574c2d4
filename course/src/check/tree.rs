//! A copy of a package and of what it depends on, as a workspace of its own.
//!
//! It has the workspace's manifest, lints, profiles and lock file, and is built in the same target directory, so that no
//! dependency is compiled again. A file is written only where it differs, so that cargo builds only what changed.
//!
//! Cargo tells packages of a workspace apart by their name, their version and their path *within* it, and sees by the time of
//! a file whether it changed. In one target directory, it would take what was built from one copy for that of another.
//! So each copy's packages have a version of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace::{Package, Workspace};

/// What stands beside the packages and belongs to the copy.
const BESIDE: [&str; 3] = ["Cargo.lock", "rust-toolchain.toml", "clippy.toml"];

/// Makes the copy `<target>/check/<name>`, or brings it up to date, and returns its directory. `texts` are files, by their paths from the workspace's root, that have
/// another text there than in the workspace.
pub(super) fn copy(
    workspace: &Workspace,
    krate: &str,
    name: &str,
    texts: &BTreeMap<PathBuf, String>,
) -> Result<PathBuf> {
    let dir = dir(workspace, name);
    let packages = closure(workspace, workspace.package(krate)?);
    let mut present = BTreeSet::new();
    for package in &packages {
        let mut files = Vec::new();
        walk(&package.dir, &mut files)?;
        for file in files {
            let path = file.strip_prefix(&workspace.root)?.to_owned();
            if !texts.contains_key(&path) {
                let content =
                    fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
                write(&dir.join(&path), &content)?;
            }
            present.insert(path);
        }
    }
    for (path, text) in texts {
        write(&dir.join(path), text.as_bytes())?;
        present.insert(path.clone());
    }
    for package in &packages {
        let copied = dir.join(package.dir.strip_prefix(&workspace.root)?);
        let mut files = Vec::new();
        walk(&copied, &mut files)?;
        for file in files.iter().filter(|file| {
            file.strip_prefix(&dir)
                .is_ok_and(|path| !present.contains(path))
        }) {
            fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
        }
    }
    write(
        &dir.join("Cargo.toml"),
        manifest(workspace, &packages, name)?.as_bytes(),
    )?;
    for name in BESIDE {
        let file = workspace.root.join(name);
        if file.exists() {
            write(
                &dir.join(name),
                &fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?,
            )?;
        }
    }
    Ok(dir)
}

/// Where a copy is.
pub(super) fn dir(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target.join("check").join(name)
}

/// A package, and those of the workspace that it is built from, its tests included.
fn closure<'a>(workspace: &'a Workspace, package: &'a Package) -> Vec<&'a Package> {
    let mut found = vec![package];
    let mut next = 0;
    while next < found.len() {
        for dependency in &found[next].dependencies {
            if let Ok(package) = workspace.package(&dependency.name)
                && !found.iter().any(|other| other.name == package.name)
            {
                found.push(package);
            }
        }
        next += 1;
    }
    found
}

/// The root manifest, with these packages as its members, and with the copy's name in their version.
fn manifest(workspace: &Workspace, packages: &[&Package], name: &str) -> Result<String> {
    let file = workspace.root.join("Cargo.toml");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut manifest: toml::Table =
        toml::from_str(&text).with_context(|| format!("cannot read {}", file.display()))?;
    let section = manifest
        .get_mut("workspace")
        .and_then(toml::Value::as_table_mut);
    let section = section.with_context(|| format!("{} has no [workspace]", file.display()))?;
    let members = packages
        .iter()
        .map(|package| workspace.display(&package.dir).into());
    section.insert("members".to_owned(), toml::Value::Array(members.collect()));
    section.remove("default-members");
    section.remove("exclude");
    let version = section
        .get_mut("package")
        .and_then(|package| package.get_mut("version"))
        .with_context(|| format!("{} has no workspace.package.version", file.display()))?;
    let with_name = format!("{}+{name}", version.as_str().unwrap_or("0.0.0"));
    *version = toml::Value::String(with_name);
    Ok(toml::to_string(&manifest)?)
}

fn write(file: &Path, content: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|present| present == content) {
        return Ok(());
    }
    let failed = || format!("cannot write {}", file.display());
    fs::create_dir_all(file.parent().unwrap_or(file)).with_context(failed)?;
    fs::write(file, content).with_context(failed)
}

/// Every file below `dir`; no hidden ones, and none that was built there.
fn walk(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "target" {
            walk(&path, files)?;
        } else if path.is_file() && !name.starts_with('.') {
            files.push(path);
        }
    }
    Ok(())
}
