//! A workspace's files in memory: read, cut down to some packages, edited, and written elsewhere.
//!
//! Handouts, the archive for Gradescope, and the copies that `check` and `grade` build are all this workspace with less in it
//! and some files changed. What leaves this machine is made of the files that git tracks alone, so nothing goes along that lay
//! about by chance. What is built here is made of the author's working copy: a new file counts before git is told of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use toml_edit::{Array, DocumentMut, Item, Value};

use crate::git::Git;
use crate::workspace::Workspace;

/// Where builds go; never part of a tree.
const TARGET: &str = "target";

/// Files by their path from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Tree {
    /// The files at `root` that git [tracks](tracked), as they are on the disk.
    ///
    /// # Errors
    /// When git fails, or a file cannot be read.
    pub(crate) fn load(root: &Path) -> Result<Tree> {
        Tree::read(root, tracked(root)?)
    }

    /// The working copy of the named packages and of all that they need, as a workspace of its own, with the files beside
    /// them at the root. It is all that git does not ignore.
    ///
    /// Its packages have its `name` in their version. Cargo tells packages apart by name, version and path within the
    /// workspace, and sees by a file's time whether it changed: with the same version, it would take what was built of one
    /// workspace for what is to be built of another, where they share a target directory.
    ///
    /// # Errors
    /// When there is no such package, git fails, or a file cannot be read.
    pub(crate) fn of_packages(workspace: &Workspace, names: &[&str], name: &str) -> Result<Tree> {
        let kept = closure(workspace, names)?;
        let mut dirs = Vec::new();
        for package in &workspace.packages {
            if kept.contains(package.name.as_str()) {
                let dir = package.dir.strip_prefix(&workspace.root);
                dirs.push(dir.context("a package outside of the workspace")?);
            }
        }
        let mut paths = listed(&workspace.root, &["--others", "--exclude-standard"])?;
        // Below the root, cargo finds the root's configuration too, and would have each flag twice.
        let wants_config = !workspace.target.starts_with(&workspace.root);
        paths.retain(|path| {
            let is_config = path.starts_with(".cargo") && wants_config;
            let is_beside = path.parent() == Some(Path::new("")) || is_config;
            is_beside || dirs.iter().any(|dir| path.starts_with(dir))
        });
        let mut tree = Tree::read(&workspace.root, paths)?;
        let members = dirs
            .iter()
            .map(|dir| dir.to_string_lossy().replace('\\', "/"));
        let manifest = manifest(tree.text("Cargo.toml")?, &members.collect(), name)?;
        tree.insert("Cargo.toml", manifest);
        Ok(tree)
    }

    fn read(root: &Path, paths: Vec<PathBuf>) -> Result<Tree> {
        let mut files = BTreeMap::new();
        for path in paths {
            let file = root.join(&path);
            let contents =
                fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            files.insert(path, contents);
        }
        Ok(Tree { files })
    }

    /// The file at `path`.
    pub(crate) fn get(&self, path: impl AsRef<Path>) -> Option<&[u8]> {
        self.files.get(path.as_ref()).map(Vec::as_slice)
    }

    /// The file at `path`, as text.
    ///
    /// # Errors
    /// When there is none, or it is not UTF-8.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Result<&str> {
        let path = path.as_ref();
        let contents = self.get(path);
        let contents = contents.with_context(|| format!("there is no {}", path.display()))?;
        std::str::from_utf8(contents).with_context(|| format!("{} is no text", path.display()))
    }

    /// Puts a file in place of what is at `path`.
    pub(crate) fn insert(&mut self, path: impl Into<PathBuf>, contents: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), contents.into());
    }

    /// All files, in the order of their paths.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        let files = self.files.iter();
        files.map(|(path, contents)| (path.as_path(), contents.as_slice()))
    }

    /// Makes `dir` hold these files and no others, `.git` and `target` aside. Files that are right already stay as they
    /// are, with their times, so that cargo builds again only what changed; others are written anew, so that their
    /// times say so.
    ///
    /// # Errors
    /// When something cannot be read, written or removed.
    pub(crate) fn write(&self, dir: &Path) -> Result<()> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        for path in below(dir)? {
            if !self.files.contains_key(&path) {
                let stray = dir.join(path);
                fs::remove_file(&stray)
                    .with_context(|| format!("cannot remove {}", stray.display()))?;
            }
        }
        for (path, contents) in self.iter() {
            write_if_different(&dir.join(path), contents)?;
        }
        Ok(())
    }
}

/// Writes a file, unless it says so already. Never through a link.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_if_different(file: &Path, contents: &[u8]) -> Result<()> {
    if fs::read(file).is_ok_and(|found| found == contents) {
        return Ok(());
    }
    let write = || {
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        match fs::remove_file(file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => fs::write(file, contents),
        }
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

/// The named packages, with all of the workspace that they depend on, for building and testing too.
fn closure<'a>(workspace: &'a Workspace, names: &[&str]) -> Result<BTreeSet<&'a str>> {
    let mut kept = BTreeSet::new();
    let mut open: Vec<&str> = names.to_vec();
    while let Some(name) = open.pop() {
        let mut packages = workspace.packages.iter();
        match packages.find(|package| package.name == name) {
            Some(package) if kept.insert(package.name.as_str()) => {
                let dependencies = package.dependencies.iter();
                open.extend(dependencies.map(|dependency| dependency.name.as_str()));
            }
            Some(_) => {}
            None if names.contains(&name) => bail!("there is no package {name:?} in the workspace"),
            // From a registry.
            None => {}
        }
    }
    Ok(kept)
}

/// The root manifest of a workspace of these members alone, with `name` in their version.
fn manifest(text: &str, members: &Array, name: &str) -> Result<String> {
    let mut manifest: DocumentMut = text.parse().context("cannot read Cargo.toml")?;
    let table = manifest["workspace"].as_table_mut();
    let table = table.context("Cargo.toml is no workspace's")?;
    table.remove("exclude");
    let defaults = table
        .get_mut("default-members")
        .and_then(Item::as_array_mut);
    if let Some(defaults) = defaults {
        let is_member = |default: &Value| members.iter().any(|m| m.as_str() == default.as_str());
        defaults.retain(is_member);
        if defaults.is_empty() {
            table.remove("default-members");
        }
    }
    table.insert("members", Item::Value(Value::Array(members.clone())));
    let version = table
        .get_mut("package")
        .and_then(|package| package.get_mut("version"));
    let version = version.context("Cargo.toml has no workspace.package.version")?;
    let base = version
        .as_str()
        .unwrap_or_default()
        .split('+')
        .next()
        .unwrap_or_default();
    *version = toml_edit::value(format!("{base}+{name}"));
    // What stands in for a crate from the registry can do so only where it is.
    let patches = manifest
        .get_mut("patch")
        .and_then(|patch| patch.get_mut("crates-io"));
    if let Some(patches) = patches.and_then(Item::as_table_mut) {
        let is_here = |patch: &Item| {
            let path = patch.get("path").and_then(Item::as_str);
            members.iter().any(|member| member.as_str() == path)
        };
        patches.retain(|_, patch| is_here(patch));
        if patches.is_empty() {
            manifest.remove("patch");
        }
    }
    Ok(manifest.to_string())
}

/// The files below `root` that git tracks and that are still there, in the order of their paths. Where the workspace came
/// without git, all but what was built.
///
/// # Errors
/// When git fails, or a directory cannot be read.
pub(crate) fn tracked(root: &Path) -> Result<Vec<PathBuf>> {
    listed(root, &[])
}

/// What `git ls-files` lists with these options, besides the files that it tracks.
fn listed(root: &Path, options: &[&str]) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    if root.ancestors().any(|dir| dir.join(".git").exists()) {
        let listed = Git::new(root).run(&[&["ls-files", "-z", "--cached"], options].concat())?;
        let listed = listed.split('\0').filter(|path| !path.is_empty());
        paths.extend(listed.map(PathBuf::from));
    }
    // A copy without git may lie inside of somebody's repository that knows nothing of it.
    if !paths.iter().any(|path| path == Path::new("Cargo.toml")) {
        paths = below(root)?;
    }
    // One that was deleted, git may not have been told of.
    paths.retain(|path| root.join(path).is_file());
    paths.sort();
    Ok(paths)
}

/// Every file below `root`, but for builds and git's own.
fn below(root: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(dir) = open.pop() {
        let shown = root.join(&dir);
        let entries = fs::read_dir(&shown);
        for entry in entries.with_context(|| format!("cannot list {}", shown.display()))? {
            let entry = entry?;
            let (name, path) = (entry.file_name(), dir.join(entry.file_name()));
            if !entry.file_type()?.is_dir() {
                paths.push(path);
            } else if name != TARGET && name != ".git" {
                open.push(path);
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Layer, Package};

    fn tree(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, contents) in files {
            tree.insert(*path, *contents);
        }
        tree
    }

    #[test]
    fn what_is_written_is_what_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let first = tree(&[
            ("Cargo.toml", "a"),
            ("x/src/lib.rs", "b"),
            (".cargo/config.toml", "c"),
        ]);
        first.write(dir.path()).unwrap();
        assert_eq!(Tree::load(dir.path()).unwrap(), first);

        fs::create_dir_all(dir.path().join("target/debug")).unwrap();
        fs::write(dir.path().join("target/debug/x"), "built").unwrap();
        let second = tree(&[("Cargo.toml", "a"), ("x/src/main.rs", "d")]);
        second.write(dir.path()).unwrap();
        assert_eq!(Tree::load(dir.path()).unwrap(), second);
        assert!(dir.path().join("target/debug/x").exists());
    }

    #[test]
    fn only_what_changed_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let written = |name: &str| {
            let metadata = fs::metadata(dir.path().join(name)).unwrap();
            metadata.modified().unwrap()
        };
        let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000);
        tree(&[("same", "1"), ("other", "1")])
            .write(dir.path())
            .unwrap();
        for name in ["same", "other"] {
            let file = fs::File::options().write(true).open(dir.path().join(name));
            file.unwrap().set_modified(old).unwrap();
        }
        tree(&[("same", "1"), ("other", "2")])
            .write(dir.path())
            .unwrap();
        assert_eq!(written("same"), old);
        assert!(written("other") > old);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_never_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        fs::write(&victim, "untouched").unwrap();
        std::os::unix::fs::symlink(&victim, dir.path().join("file")).unwrap();
        tree(&[("file", "new")]).write(dir.path()).unwrap();
        assert_eq!(fs::read_to_string(victim).unwrap(), "untouched");
        assert_eq!(fs::read_to_string(dir.path().join("file")).unwrap(), "new");
    }

    #[test]
    fn what_git_was_not_told_of_is_built_and_not_handed_out() {
        let dir = tempfile::tempdir().unwrap();
        let files = [
            (".gitignore", "*.log"),
            ("Cargo.toml", "[workspace.package]\nversion = \"1.0.0\"\n"),
            ("a/new.rs", ""),
            ("a/old.rs", ""),
            ("a/run.log", ""),
            ("b/old.rs", ""),
        ];
        let all = files.map(|(path, _)| PathBuf::from(path));
        tree(&files).write(dir.path()).unwrap();
        fs::create_dir(dir.path().join(TARGET)).unwrap();
        fs::write(dir.path().join("target/built"), "").unwrap();
        assert_eq!(tracked(dir.path()).unwrap(), all);

        let git = Git::new(dir.path());
        git.run(&["init", "--quiet"]).unwrap();
        assert_eq!(tracked(dir.path()).unwrap(), all);
        git.run(&["add", "Cargo.toml", "a/old.rs", "b"]).unwrap();
        let names = ["Cargo.toml", "a/old.rs", "b/old.rs"].map(PathBuf::from);
        assert_eq!(tracked(dir.path()).unwrap(), names);

        let workspace = Workspace {
            root: dir.path().to_owned(),
            target: dir.path().join(TARGET),
            packages: vec![Package {
                name: "a".to_owned(),
                dir: dir.path().join("a"),
                layer: Layer::System,
                dependencies: Vec::new(),
                has_library: true,
            }],
        };
        let copy = Tree::of_packages(&workspace, &["a"], "copy").unwrap();
        let paths: Vec<&Path> = copy.iter().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            [".gitignore", "Cargo.toml", "a/new.rs", "a/old.rs"].map(Path::new)
        );
    }

    #[test]
    fn packages_come_with_what_they_need() {
        let workspace = Workspace::load().unwrap();
        let tree = Tree::of_packages(&workspace, &["sim"], "copy").unwrap();
        let manifest = tree.text("Cargo.toml").unwrap();
        assert!(
            manifest.contains("members = [\"crates/node\", \"crates/sim\"]"),
            "{manifest}"
        );
        assert!(!manifest.contains("default-members"));
        assert!(
            manifest.contains(concat!(
                "version = \"",
                env!("CARGO_PKG_VERSION"),
                "+copy\""
            )),
            "{manifest}"
        );
        assert!(tree.get("crates/node/src/lib.rs").is_some());
        assert!(tree.get("mini-hdfs/Cargo.toml").is_none());
        // Nor is there a patch, whose crate is not there either; where that is, so is the patch.
        assert!(!manifest.contains("[patch"));
        let tree = Tree::of_packages(&workspace, &["raft-kv"], "copy").unwrap();
        let patch = "[patch.crates-io]\nbase2histogram = { path = ";
        assert!(tree.text("Cargo.toml").unwrap().contains(patch));
        assert!(tree.get("crates/base2histogram/src/lib.rs").is_some());
        let error = Tree::of_packages(&workspace, &["nonsense"], "copy").unwrap_err();
        assert!(error.to_string().contains("no package \"nonsense\""));
    }
}
